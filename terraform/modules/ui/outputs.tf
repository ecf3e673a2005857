output "dns_name" {
  value       = aws_lb.this.dns_name
  description = "The name of the load balancer, which resolves to addresses of the VPC."
}

output "zone_id" {
  value       = aws_lb.this.zone_id
  description = "The hosted zone of this name, for an alias in Route 53."
}

output "urls" {
  value       = { for daemon, listener in aws_lb_listener.this : daemon => "https://${aws_lb.this.dns_name}:${listener.port}" }
  description = "The pages of Consul and Nomad by the name of the load balancer."
}

output "target_groups" {
  value = {
    for daemon, group in aws_lb_target_group.this : "ui-${daemon}" => { arn = group.arn, target_group = group.arn_suffix, load_balancer = aws_lb.this.arn_suffix }
  }
  description = "The target groups, also as the metrics of AWS name them."
}
