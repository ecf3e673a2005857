"""Makes the account of the test: a network, the parameters of the quorum guard, the instances, and a role that may
describe instances and read parameters, and nothing else.

On standard input the instances with address, zone and tags; on standard output their ids, the network, and
credentials of the role. From then on every signature and every permission is checked, which is tried.
"""

import json
import os
import ssl
import sys
import urllib.request

import boto3
import botocore.exceptions

wanted = json.load(sys.stdin)
ec2, iam, ssm, sts = (boto3.client(name) for name in ("ec2", "iam", "ssm", "sts"))
for daemon in ("consul", "nomad"):
    ssm.put_parameter(Name="/cos/e2e/formed/" + daemon, Value="no", Type="String")

vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
subnets = {}
ids = []
for instance in wanted["instances"]:
    zone = instance["zone"]
    if zone not in subnets:
        block = ".".join(instance["address"].split(".")[:3]) + ".0/24"
        answer = ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=zone)
        subnets[zone] = answer["Subnet"]["SubnetId"]
    tags = [{"Key": key, "Value": value} for key, value in instance["tags"].items()]
    answer = ec2.run_instances(
        ImageId="ami-12c6146b",
        MinCount=1,
        MaxCount=1,
        SubnetId=subnets[zone],
        PrivateIpAddress=instance["address"],
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )
    made = answer["Instances"][0]
    assert made["PrivateIpAddress"] == instance["address"], made
    ids.append(made["InstanceId"])

trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"},
                                                 "Action": "sts:AssumeRole"}]}
policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*",
                                                  "Action": ["ec2:DescribeInstances", "ssm:GetParameter"]}]}
role = iam.create_role(RoleName="cos-node", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
iam.put_role_policy(RoleName="cos-node", PolicyName="join", PolicyDocument=json.dumps(policy))
keys = sts.assume_role(RoleArn=role, RoleSessionName="node")["Credentials"]

check = urllib.request.Request(
    "https://ec2.%s.amazonaws.com/moto-api/reset-auth" % os.environ["AWS_DEFAULT_REGION"],
    data=b"0",
    headers={"Content-Type": "application/octet-stream"},
)
trusted = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
urllib.request.urlopen(check, context=trusted).read()


def node(secret):
    return boto3.client(
        "ec2",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=secret,
        aws_session_token=keys["SessionToken"],
    )


def refused(call):
    try:
        call()
    except botocore.exceptions.ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"] in (401, 403)
    return False


assert refused(node("wrong").describe_instances), "a wrong signature is taken"
assert refused(node(keys["SecretAccessKey"]).describe_vpcs), "an action without permission is taken"
node(keys["SecretAccessKey"]).describe_instances()

json.dump(
    {
        "vpc": vpc,
        "ids": ids,
        "credentials": {
            "role": "cos-node",
            "access_key_id": keys["AccessKeyId"],
            "secret_access_key": keys["SecretAccessKey"],
            "token": keys["SessionToken"],
        },
    },
    sys.stdout,
)
