# One role for each kind of node, with the calls that the node makes and no others.

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  tags = merge(var.tags, { "cos:cluster" = var.name })

  clients = ["backoffice", "public-services", "private-services", "content-connector"]
  kinds   = concat(["consul-server", "nomad-server"], local.clients)
  region  = data.aws_region.this.region
  arn     = "arn:${data.aws_partition.this.partition}"
  here    = "${local.region}:${data.aws_caller_identity.this.account_id}"
  # Roles are global in an account and have at most 64 characters, so the region is in the name, and what is too long is cut.
  full  = { for kind in local.kinds : kind => "cos-${var.name}-${local.region}-${kind}" }
  names = { for kind, full in local.full : kind => length(full) <= 64 ? full : "${substr(full, 0, 64 - 7)}-${substr(sha1(full), 0, 6)}" }
  only  = { StringEquals = { "aws:RequestedRegion" = local.region } }

  everybody = concat([
    # Auto-join, and the own tags where metadata does not show them. Neither knows resources.
    { Sid = "Peers", Effect = "Allow", Action = ["ec2:DescribeInstances", "ec2:DescribeTags"], Resource = "*", Condition = local.only },
    # The launch hook: this node has joined, or needs more time.
    { Sid = "LaunchHook", Effect = "Allow", Action = ["autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat"],
    Resource = "${local.arn}:autoscaling:${local.here}:autoScalingGroup:*:autoScalingGroupName/${var.name}-*" },
    { Sid = "LaunchHookState", Effect = "Allow", Action = ["autoscaling:DescribeAutoScalingInstances"], Resource = "*", Condition = local.only },
    ],
    # The way in: https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html
    # The managed policy for it may read every parameter of the account.
    var.session_manager ? [
      { Sid = "SessionManager", Effect = "Allow", Resource = "*", Action = [
        "ssm:UpdateInstanceInformation", "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
      ] },
    ] : [],
  )

  # Whether the cluster has formed: a server reads it when it has no data, and records it.
  formed = { consul-server = "consul", nomad-server = "nomad" }
  servers = { for kind, daemon in local.formed : kind => [
    { Sid = "QuorumGuard", Effect = "Allow", Action = ["ssm:GetParameter", "ssm:PutParameter"], Resource = "${local.arn}:ssm:${local.here}:parameter${local.parameters[daemon]}" },
  ] }
  parameters = { for daemon in values(local.formed) : daemon => "/cos/${var.name}/formed/${daemon}" }

  # https://docs.aws.amazon.com/AmazonECR/latest/userguide/security_iam_id-based-policy-examples.html
  pulls = concat([
    { Sid = "RegistryToken", Effect = "Allow", Action = ["ecr:GetAuthorizationToken"], Resource = "*", Condition = local.only },
    { Sid = "RegistryPull", Effect = "Allow", Action = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    Resource = length(var.repository_arns) > 0 ? concat(var.repository_arns, var.pull_through_arns) : ["${local.arn}:ecr:${local.here}:repository/*"] },
    ],
    # The first pull by a cache of another registry makes its repository. An import knows no resources; it follows the rules that
    # exist: https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-iam.html
    [for statement in [
      { Sid = "RegistryPullThrough", Effect = "Allow", Action = ["ecr:CreateRepository"], Resource = var.pull_through_arns },
      { Sid = "RegistryImport", Effect = "Allow", Action = ["ecr:BatchImportUpstreamImage"], Resource = "*", Condition = local.only },
    ] : statement if length(var.pull_through_arns) > 0],
  )

  policies = { for kind in local.kinds : kind => concat(local.everybody, lookup(local.servers, kind, local.pulls)) }
}

resource "aws_iam_role" "this" {
  for_each             = local.names
  name                 = each.value
  description          = "Nodes of the COS ${var.name}: ${each.key}"
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }]
  })
  tags = local.tags
}

resource "aws_iam_role_policy" "this" {
  for_each = local.policies
  name     = "node"
  role     = aws_iam_role.this[each.key].id
  policy   = jsonencode({ Version = "2012-10-17", Statement = each.value })
}

resource "aws_iam_role_policy_attachment" "additional" {
  for_each   = { for pair in setproduct(local.kinds, range(length(var.additional_policy_arns))) : "${pair[0]}-${pair[1]}" => pair }
  role       = aws_iam_role.this[each.value[0]].name
  policy_arn = var.additional_policy_arns[each.value[1]]
}

resource "aws_iam_instance_profile" "this" {
  for_each = local.names
  name     = each.value
  role     = aws_iam_role.this[each.key].name
  tags     = local.tags
}

# Servers record in it that their cluster has formed; `no` again would let new servers form a second one.
resource "aws_ssm_parameter" "formed" {
  for_each    = local.parameters
  name        = each.value
  description = "Whether ${each.key} of the COS ${var.name} has formed. Only cos-agent changes it."
  type        = "String"
  value       = var.servers_exist ? "formed" : "no"
  tags        = local.tags

  lifecycle {
    ignore_changes = [value]
  }
}
