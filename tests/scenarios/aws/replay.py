"""What Terraform has made, made again: the resources of a state in EC2, IAM, SSM and Auto Scaling, in the order of their needs.

The ids of the state are made up. Each resource that is made here tells its true id, and what names it gets that.
"""

import ipaddress
import json

from balancers import TYPES as PLAYED, balancers

# What no node of a lab can tell from its absence: the lab has one network, and AWS answers in it; nothing measures it or expires
# images.
NOT_MADE = {
    "aws_cloudwatch_metric_alarm", "aws_default_security_group", "aws_ecr_lifecycle_policy", "aws_eip", "aws_internet_gateway", "aws_nat_gateway", "aws_route", "aws_route_table",
    "aws_route_table_association", "aws_vpc_endpoint",
}
ORDER = [
    "aws_vpc", "aws_subnet", "aws_security_group", "aws_vpc_security_group_ingress_rule",
    "aws_vpc_security_group_egress_rule", "aws_iam_role", "aws_iam_role_policy", "aws_iam_instance_profile",
    "aws_ssm_parameter", "aws_ecr_repository", "aws_launch_template", "aws_autoscaling_group",
]


class Replay:
    def __init__(self, account):
        self.account = account
        self.operations = {"replay": self.replay, "launch_of_group": self.launch_of_group, "take_away": self.take_away}
        self.ids, self.groups = {}, {}

    def replay(self, resources):
        """Makes all of it; the VPC, the rules, and the Auto Scaling groups, still without instances."""
        unknown = {one["type"] for one in resources} - NOT_MADE - PLAYED - set(ORDER)
        if unknown:
            raise ValueError(f"nobody makes {', '.join(sorted(unknown))}")
        for kind in ORDER:
            for one in resources:
                if one["type"] == kind:
                    getattr(self, kind.removeprefix("aws_"))(one["values"])
        ec2 = self.account.client("ec2")
        rules = ec2.describe_security_group_rules(MaxResults=1000)["SecurityGroupRules"]
        subnets = {one["values"]["id"]: one["values"]["cidr_block"] for one in resources if one["type"] == "aws_subnet"}
        return {"vpc": self.account.vpc, "balancers": balancers(resources, subnets, self.known), "rules": [rule for rule in rules if rule["GroupId"] in self.ids.values()],
                "groups": {name: group["desired"] for name, group in self.groups.items()},
                "endpoints": [self.ids[one["values"]["id"]] for one in resources
                              if one["type"] == "aws_security_group" and one["values"]["name"].endswith("-endpoints")]}

    def known(self, made_up):
        return self.ids.get(made_up, made_up)

    def tags(self, values, kind):
        tags = [{"Key": key, "Value": value} for key, value in (values.get("tags_all") or values.get("tags") or {}).items()]
        return [{"ResourceType": kind, "Tags": tags}]

    def vpc(self, values):
        made = self.account.client("ec2").create_vpc(
            CidrBlock=values["cidr_block"], TagSpecifications=self.tags(values, "vpc"))["Vpc"]
        self.ids[values["id"]] = self.account.vpc = made["VpcId"]

    def subnet(self, values):
        made = self.account.client("ec2").create_subnet(
            VpcId=self.known(values["vpc_id"]), CidrBlock=values["cidr_block"],
            AvailabilityZone=values["availability_zone"], TagSpecifications=self.tags(values, "subnet"))["Subnet"]
        self.ids[values["id"]] = made["SubnetId"]

    def security_group(self, values):
        ec2 = self.account.client("ec2")
        made = ec2.create_security_group(
            VpcId=self.known(values["vpc_id"]), GroupName=values["name"], Description=values["description"],
            TagSpecifications=self.tags(values, "security-group"))["GroupId"]
        # AWS opens the egress of a new group; the provider of Terraform closes it.
        everywhere = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        ec2.revoke_security_group_egress(GroupId=made, IpPermissions=[everywhere])
        self.ids[values["id"]] = made

    def rule(self, values, authorize):
        end = {"Description": values["description"]}
        if values.get("cidr_ipv4"):
            ends = {"IpRanges": [end | {"CidrIp": values["cidr_ipv4"]}]}
        elif values.get("prefix_list_id"):
            ends = {"PrefixListIds": [end | {"PrefixListId": values["prefix_list_id"]}]}
        else:
            ends = {"UserIdGroupPairs": [end | {"GroupId": self.known(values["referenced_security_group_id"])}]}
        ports = {} if values["ip_protocol"] == "-1" else {"FromPort": values["from_port"], "ToPort": values["to_port"]}
        authorize(GroupId=self.known(values["security_group_id"]),
                  IpPermissions=[{"IpProtocol": values["ip_protocol"]} | ports | ends],
                  TagSpecifications=self.tags(values, "security-group-rule"))

    def vpc_security_group_ingress_rule(self, values):
        self.rule(values, self.account.client("ec2").authorize_security_group_ingress)

    def vpc_security_group_egress_rule(self, values):
        self.rule(values, self.account.client("ec2").authorize_security_group_egress)

    def iam_role(self, values):
        self.account.client("iam").create_role(RoleName=values["name"], AssumeRolePolicyDocument=values["assume_role_policy"])

    def iam_role_policy(self, values):
        """moto enforces the actions; it knows no resources of SSM and Auto Scaling, so the gate asks `Account.may`."""
        document = json.loads(values["policy"])
        for statement in document["Statement"]:
            self.account.allow(values["role"], statement)
            statement["Resource"] = "*"
        self.account.client("iam").put_role_policy(
            RoleName=values["role"], PolicyName=values["name"], PolicyDocument=json.dumps(document))

    def take_away(self, role, action):
        """Takes an action away from a role, which has to have it."""
        iam = self.account.client("iam")
        document = iam.get_role_policy(RoleName=role, PolicyName="node")["PolicyDocument"]
        statement = next(one for one in document["Statement"] if action in one["Action"])
        statement["Action"].remove(action)
        document["Statement"] = [one for one in document["Statement"] if one["Action"]]
        iam.put_role_policy(RoleName=role, PolicyName="node", PolicyDocument=json.dumps(document))

    def iam_instance_profile(self, values):
        iam = self.account.client("iam")
        made = iam.create_instance_profile(InstanceProfileName=values["name"])["InstanceProfile"]
        iam.add_role_to_instance_profile(InstanceProfileName=values["name"], RoleName=values["role"])
        self.ids[values["arn"]] = made["Arn"]

    def ssm_parameter(self, values):
        self.account.client("ssm").put_parameter(Name=values["name"], Value=values["value"], Type=values["type"])

    def ecr_repository(self, values):
        self.account.client("ecr").create_repository(
            repositoryName=values["name"], imageTagMutability=values["image_tag_mutability"])

    def launch_template(self, values):
        data = {
            # moto launches only what its catalogue has.
            "ImageId": "ami-12c6146b",
            "InstanceType": values["instance_type"],
            "SecurityGroupIds": [self.known(group) for group in values["vpc_security_group_ids"]],
            "IamInstanceProfile": {"Arn": self.known(values["iam_instance_profile"][0]["arn"])},
            "TagSpecifications": [
                {"ResourceType": one["resource_type"],
                 "Tags": [{"Key": key, "Value": value} for key, value in one["tags"].items()]}
                for one in values["tag_specifications"]],
        }
        if values.get("user_data"):
            data["UserData"] = values["user_data"]
        made = self.account.client("ec2").create_launch_template(
            LaunchTemplateName=values["name"], LaunchTemplateData=data)["LaunchTemplate"]
        self.ids[values["id"]] = made["LaunchTemplateId"]

    def autoscaling_group(self, values):
        subnets = [self.known(subnet) for subnet in values["vpc_zone_identifier"]]
        template = self.known(values["launch_template"][0]["id"])
        # moto would launch all instances into one subnet, without a profile.
        self.account.client("autoscaling").create_auto_scaling_group(
            AutoScalingGroupName=values["name"], MinSize=0, MaxSize=values["max_size"] + 1, DesiredCapacity=0,
            LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"}, VPCZoneIdentifier=",".join(subnets),
            Tags=[{"Key": tag["key"], "Value": tag["value"], "PropagateAtLaunch": tag["propagate_at_launch"]}
                  for tag in values["tag"]])
        self.groups[values["name"]] = {"desired": values["desired_capacity"], "subnets": subnets, "template": template,
                                       "launched": 0}

    def launch_of_group(self, name):
        """Launches the next instance of a group, in the next of its zones, as EC2 then describes it."""
        ec2, group = self.account.client("ec2"), self.groups[name]
        subnets = {one["SubnetId"]: one for one in ec2.describe_subnets(SubnetIds=group["subnets"])["Subnets"]}
        in_order = sorted(subnets.values(), key=lambda one: one["AvailabilityZone"])
        # Clients of the four datacenters begin in different zones, as ten nodes of a COS do.
        first = sorted(self.groups).index(name) if group["desired"] == 1 else 0
        subnet = in_order[(first + group["launched"]) % len(in_order)]
        group["launched"] += 1
        version = ec2.describe_launch_template_versions(LaunchTemplateId=group["template"], Versions=["$Latest"])
        data = version["LaunchTemplateVersions"][0]["LaunchTemplateData"]
        made = ec2.run_instances(
            MinCount=1, MaxCount=1, SubnetId=subnet["SubnetId"], PrivateIpAddress=self.address(subnet),
            LaunchTemplate={"LaunchTemplateId": group["template"], "Version": "$Latest"},
            SecurityGroupIds=data["SecurityGroupIds"], IamInstanceProfile=data["IamInstanceProfile"])["Instances"][0]
        self.account.client("autoscaling").attach_instances(InstanceIds=[made["InstanceId"]], AutoScalingGroupName=name)
        return self.describe(made["InstanceId"])

    def address(self, subnet):
        """The first 256 addresses of the VPC are AWS's in a lab."""
        network = ipaddress.ip_network(subnet["CidrBlock"])
        instances = self.account.client("ec2").describe_instances(
            Filters=[{"Name": "subnet-id", "Values": [subnet["SubnetId"]]}])["Reservations"]
        taken = sum(len(one["Instances"]) for one in instances)
        return str(network.network_address + 256 + 10 + taken)

    def describe(self, instance):
        found = self.account.client("ec2").describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
        profile = found["IamInstanceProfile"]["Arn"].rpartition("/")[2]
        role = self.account.client("iam").get_instance_profile(
            InstanceProfileName=profile)["InstanceProfile"]["Roles"][0]
        return {"id": instance, "address": found["PrivateIpAddress"], "zone": found["Placement"]["AvailabilityZone"],
                "tags": {tag["Key"]: tag["Value"] for tag in found["Tags"]},
                "groups": [group["GroupId"] for group in found["SecurityGroups"]],
                "credentials": self.account.assume(role)}
