output "autoscaling_group_names" {
  value       = module.cos.autoscaling_group_names
  description = "The Auto Scaling group of each kind of node."
}

output "ingress" {
  value       = module.cos.ingress
  description = "The load balancer that the internet reaches, if there is one."
}

output "ui" {
  value       = module.cos.ui
  description = "The pages of Consul and Nomad, if there is a load balancer for them."
}
