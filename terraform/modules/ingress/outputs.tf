output "dns_name" {
  value       = aws_lb.this.dns_name
  description = "The name of the load balancer, for a record of the site."
}

output "zone_id" {
  value       = aws_lb.this.zone_id
  description = "The hosted zone of this name, for an alias in Route 53."
}

output "arn" {
  value       = aws_lb.this.arn
  description = "The load balancer, for a web ACL of the site."
}

output "listener_arn" {
  value       = aws_lb_listener.this.arn
  description = "The listener, for rules and further certificates of the site."
}

output "target_groups" {
  value       = { ingress = { arn = aws_lb_target_group.this.arn, target_group = aws_lb_target_group.this.arn_suffix, load_balancer = aws_lb.this.arn_suffix } }
  description = "The target group, also as the metrics of AWS name it."
}
