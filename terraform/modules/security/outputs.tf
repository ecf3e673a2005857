output "group_ids" {
  value       = { for name, group in aws_security_group.this : name => group.id }
  description = "The security groups by name."
}

output "node_group_ids" {
  value = merge(
    { for kind in ["consul-server", "nomad-server"] : kind => [for name in ["node", kind] : aws_security_group.this[name].id] },
    { for kind in ["backoffice", "public-services", "private-services", "content-connector"] :
    kind => [for name in ["node", "client", kind] : aws_security_group.this[name].id] },
  )
  description = "The security groups of the nodes of each kind."
}

output "flows" {
  value       = local.flows
  description = "The rows of the port matrix, each with why it is there and what misses it."
}
