output "autoscaling_group_names" {
  value       = module.cos.autoscaling_group_names
  description = "The Auto Scaling group of each kind of node."
}

output "vpc_id" {
  value       = module.network.vpc_id
  description = "The VPC."
}

output "flows" {
  value       = module.cos.flows
  description = "The rows of the port matrix."
}

output "ingress" {
  value       = module.cos.ingress
  description = "The load balancer that the internet reaches, if there is a certificate."
}

output "ui" {
  value       = module.cos.ui
  description = "The pages of Consul and Nomad, if there is a load balancer for them."
}

output "repository_urls" {
  value       = module.cos.repository_urls
  description = "What jobs write before the tag of an image, if there is a certificate."
}
