"""The account: a network, the role of the nodes, parameters, instances. What an administrator does, nodes cannot."""

import fnmatch
import json

import boto3
import moto.settings
from moto.ec2.models import ec2_backends
from moto.sts.models import sts_backends

ACTIONS = [
    "ec2:DescribeInstances",
    "ec2:DescribeTags",
    "autoscaling:CompleteLifecycleAction",
    "autoscaling:RecordLifecycleActionHeartbeat",
    "autoscaling:DescribeAutoScalingInstances",
    "ecr:GetAuthorizationToken",
    "ssm:GetParameter",
    "ssm:PutParameter",
]
TRUST = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}


def policy(statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Account:
    def __init__(self, settings, endpoint):
        self.settings = settings
        self.endpoint = endpoint
        self.keys = {"aws_access_key_id": "nobody", "aws_secret_access_key": "nobody"}
        self.clients = {}
        self.subnets = {}
        self.node_keys = {}
        self.allowed = {}
        self.vpc = None
        self.operations = {"create": self.create, "run": self.run, "foreign": self.foreign, "call": self.call,
                           "source": self.source}

    def client(self, service):
        if service not in self.clients:
            region = self.settings["region"]
            made = boto3.client(service, endpoint_url=self.endpoint, region_name=region, **self.keys)
            self.clients[service] = made
        return self.clients[service]

    def call(self, service, method, parameters):
        """Any call of boto3, as administrator."""
        answer = getattr(self.client(service), method)(**parameters)
        answer.pop("ResponseMetadata", None)
        return answer

    def create(self, by_terraform=False):
        """Makes the account, and what nodes need unless Terraform does; from then on every signature and every permission is checked."""
        iam = self.client("iam")
        iam.create_user(UserName="lab")
        everything = policy({"Effect": "Allow", "Action": "*", "Resource": "*"})
        iam.put_user_policy(UserName="lab", PolicyName="everything", PolicyDocument=everything)
        key = iam.create_access_key(UserName="lab")["AccessKey"]
        answer = {} if by_terraform else self.by_hand(iam)
        self.keys = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
        self.clients.clear()
        # What POST /moto-api/reset-auth sets.
        moto.settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
        return answer

    def by_hand(self, iam):
        """A VPC, a role for all nodes, and the parameters of the quorum guard."""
        role = iam.create_role(RoleName="cos-node", AssumeRolePolicyDocument=policy(TRUST))["Role"]
        allowed = policy({"Effect": "Allow", "Action": ACTIONS, "Resource": "*"})
        iam.put_role_policy(RoleName="cos-node", PolicyName="node", PolicyDocument=allowed)
        self.allow("cos-node", {"Action": ACTIONS, "Resource": "arn:aws:*:*:*:parameter/cos/*"})
        for daemon in ("consul", "nomad"):
            name = f"/cos/{self.settings['cluster']}/formed/{daemon}"
            self.client("ssm").put_parameter(Name=name, Value="no", Type="String")
        self.vpc = self.client("ec2").create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
        return {"vpc": self.vpc, "credentials": self.assume(role)}

    def assume(self, role):
        """The credentials that the metadata of an instance with this role has: EC2 assumes it, and asks nobody."""
        sts = sts_backends[self.settings["account"]]["aws"]
        made = sts.assume_role(self.settings["region"], "node", role["Arn"], None, 3600, None)
        self.node_keys[made.access_key_id] = role["RoleName"]
        return {"role": role["RoleName"], "access_key_id": made.access_key_id,
                "secret_access_key": made.secret_access_key, "token": made.session_token}

    def allow(self, role, statement):
        """Remembers the resources of a statement."""
        resources = statement["Resource"]
        for action in statement["Action"]:
            patterns = self.allowed.setdefault((role, action), [])
            patterns.extend([resources] if isinstance(resources, str) else resources)

    def may(self, key, action, resource):
        """Whether a statement of the caller's role has this resource."""
        patterns = self.allowed.get((self.node_keys.get(key), action), [])
        return any(fnmatch.fnmatchcase(resource, pattern) for pattern in patterns)

    def source(self, name, owner):
        """Gives an AMI of moto's catalogue another name and owner."""
        ami = ec2_backends[self.settings["account"]][self.settings["region"]].amis["ami-785db401"]
        ami.name, ami.owner_id = name, owner

    def run(self, instances):
        """Launches instances, each with address, zone and tags; their ids."""
        return [self.launch(**instance) for instance in instances]

    def foreign(self, address, zone, tags):
        """Launches an instance in a VPC of its own; its id."""
        vpc = self.client("ec2").create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
        return self.launch(address, zone, tags, vpc)

    def launch(self, address, zone, tags, vpc=None):
        ec2 = self.client("ec2")
        vpc = vpc or self.vpc
        if (vpc, zone) not in self.subnets:
            block = address.rsplit(".", 1)[0] + ".0/24"
            subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=zone)["Subnet"]
            self.subnets[vpc, zone] = subnet["SubnetId"]
        answer = ec2.run_instances(
            ImageId="ami-12c6146b",
            MinCount=1,
            MaxCount=1,
            SubnetId=self.subnets[vpc, zone],
            PrivateIpAddress=address,
            TagSpecifications=[
                {"ResourceType": "instance", "Tags": [{"Key": key, "Value": tags[key]} for key in tags]}
            ],
        )
        made = answer["Instances"][0]
        assert made["PrivateIpAddress"] == address, made
        return made["InstanceId"]
