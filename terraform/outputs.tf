output "autoscaling_group_names" {
  value = merge(
    { for role, servers in module.servers : role => servers.autoscaling_group_name },
    { for datacenter, clients in module.clients : datacenter => clients.autoscaling_group_name },
  )
  description = "The Auto Scaling group of each kind of node."
}

output "security_group_ids" {
  value       = module.security.group_ids
  description = "The security groups by name; `public-alb` is that of the load balancer which the internet reaches."
}

output "role_arns" {
  value       = module.identity.role_arns
  description = "The role of each kind of node."
}

output "flows" {
  value       = module.security.flows
  description = "The rows of the port matrix."
}

output "formed_parameters" {
  value       = module.identity.formed_parameters
  description = "The parameters in which servers record that their cluster has formed."
}
