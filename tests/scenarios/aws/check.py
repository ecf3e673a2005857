"""Asks AWS of the lab what a node may ask, and what it may not; prints what was wrong.

    python3 check.py FOLDER INSTANCE        with `lab.json` in FOLDER and INSTANCE before the hook `joined` of `group`
"""

import json
import socket
import sys
from pathlib import Path

import boto3
import botocore.exceptions

lab, instance = Path(sys.argv[1]), sys.argv[2]
description = json.loads((lab / "lab.json").read_text())
settings = json.loads((lab / "aws/settings.json").read_text())
credentials = description["credentials"]
resolve = socket.getaddrinfo
socket.getaddrinfo = lambda host, *more, **options: resolve(settings["address"], *more, **options)


def client(service, region=settings["region"], key=None, secret=None, endpoint=None):
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        verify=f"{description['site']}/ca.pem",
        aws_access_key_id=key or credentials["access_key_id"],
        aws_secret_access_key=secret or credentials["secret_access_key"],
        aws_session_token=credentials["token"],
        config=boto3.session.Config(retries={"total_max_attempts": 1}),
    )


def refused(code, call, **parameters):
    try:
        call(**parameters)
        found = "an answer"
    except botocore.exceptions.ClientError as error:
        found = error.response["Error"]["Code"]
    if found != code:
        print(f"{call.__name__} {parameters}: expected {code}, found {found}")


def allowed(call, **parameters):
    try:
        return call(**parameters)
    except botocore.exceptions.ClientError as error:
        print(f"{call.__name__} {parameters}: {error}")
        return {}


ec2, ssm, groups, ecr = (client(service) for service in ("ec2", "ssm", "autoscaling", "ecr"))
allowed(ec2.describe_instances)
allowed(ecr.get_authorization_token)
refused("UnauthorizedOperation", ec2.describe_volumes)
refused("AuthFailure", client("ec2", secret="wrong").describe_instances)
refused("InvalidClientTokenId", client("ec2", key="ASIANOBODY").describe_instances)
here = f"https://ec2.{settings['region']}.amazonaws.com"
refused("SignatureDoesNotMatch", client("ec2", region="eu-west-1", endpoint=here).describe_instances)

name = f"/cos/{settings['cluster']}/formed/consul"
if allowed(ssm.get_parameter, Name=name).get("Parameter", {}).get("Value") != "no":
    print(f"{name} is not no")
refused("ParameterNotFound", ssm.get_parameter, Name="/cos/other")
allowed(ssm.put_parameter, Name="/cos/other", Value="yes", Type="String")
refused("AccessDeniedException", ssm.get_parameter, Name="/other")
refused("AccessDeniedException", ssm.delete_parameter, Name=name)

action = {"AutoScalingGroupName": "group", "LifecycleHookName": "joined", "InstanceId": instance}
done = {**action, "LifecycleActionResult": "CONTINUE"}
allowed(groups.record_lifecycle_action_heartbeat, **action)
refused("ValidationError", groups.complete_lifecycle_action, **{**done, "LifecycleHookName": "other"})
refused("ValidationError", groups.complete_lifecycle_action, **{**done, "LifecycleActionResult": "PERHAPS"})
refused("SignatureDoesNotMatch", client("autoscaling", secret="wrong").complete_lifecycle_action, **done)
allowed(groups.complete_lifecycle_action, **done)
refused("ValidationError", groups.complete_lifecycle_action, **done)
found = allowed(groups.describe_auto_scaling_instances, InstanceIds=[instance]).get("AutoScalingInstances", [])
if [member["LifecycleState"] for member in found] != ["InService"]:
    print(f"describe_auto_scaling_instances: {found}")
