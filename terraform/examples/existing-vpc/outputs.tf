output "autoscaling_group_names" {
  value       = module.cos.autoscaling_group_names
  description = "The Auto Scaling group of each kind of node."
}
