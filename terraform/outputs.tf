output "autoscaling_group_names" {
  value = merge(
    { for role, servers in module.servers : role => servers.autoscaling_group_name },
    { for datacenter, clients in module.clients : datacenter => clients.autoscaling_group_name },
  )
  description = "The Auto Scaling group of each kind of node."
}

output "security_group_ids" {
  value       = module.security.group_ids
  description = "The security groups by name; those of the load balancers are `public-alb` and `ui-alb`."
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

output "ingress" {
  value       = one([for ingress in module.ingress : { dns_name = ingress.dns_name, zone_id = ingress.zone_id, arn = ingress.arn, listener_arn = ingress.listener_arn }])
  description = "The load balancer that the internet reaches: its name, the hosted zone of the name, and its ARNs. Null: there is none."
}

output "ui" {
  value       = one([for ui in module.ui : { dns_name = ui.dns_name, zone_id = ui.zone_id, urls = ui.urls }])
  description = "The load balancer of the UIs: its name, the hosted zone of the name, and the pages of Consul and Nomad. Null: there is none."
}

output "repository_urls" {
  value       = merge(module.ecr[*].repository_urls...)
  description = "What jobs write before the tag of an image, for each of `repositories`."
}
