output "autoscaling_group_names" {
  value       = module.cos.autoscaling_group_names
  description = "The Auto Scaling group of each kind of node."
}

output "security_group_ids" {
  value       = module.cos.security_group_ids
  description = "The security groups by name, for the old instances."
}

output "formed_parameters" {
  value       = module.cos.formed_parameters
  description = "The parameters that keep new servers from forming a cluster."
}
