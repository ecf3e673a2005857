output "autoscaling_group_name" {
  value       = aws_autoscaling_group.this.name
  description = "The Auto Scaling group."
}

output "launch_template_id" {
  value       = aws_launch_template.this.id
  description = "The launch template."
}
