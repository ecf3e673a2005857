output "autoscaling_group_name" {
  value       = module.group.autoscaling_group_name
  description = "The Auto Scaling group."
}

output "launch_template_id" {
  value       = module.group.launch_template_id
  description = "The launch template."
}
