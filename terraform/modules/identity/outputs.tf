output "instance_profile_arns" {
  value       = { for kind, profile in aws_iam_instance_profile.this : kind => profile.arn }
  description = "The instance profile of each kind of node."
  # A server that finds no parameter may form a cluster, so there is none before them.
  depends_on = [aws_ssm_parameter.formed]
}

output "role_arns" {
  value       = { for kind, role in aws_iam_role.this : kind => role.arn }
  description = "The role of each kind of node."
}

output "formed_parameters" {
  value       = { for daemon, parameter in aws_ssm_parameter.formed : daemon => parameter.name }
  description = "The parameters in which servers record that their cluster has formed."
}
