output "vpc_id" {
  value       = aws_vpc.this.id
  description = "The VPC."
}

output "subnet_ids" {
  value = {
    for kind in keys(local.kinds) : replace(kind, "-", "_") => [for zone in var.zones : aws_subnet.this["${kind}-${zone}"].id]
  }
  description = "The subnets of each kind, in the order of the zones: `services`, `backoffice`, `content_connector`, `public`."
  # AWS makes no load balancer for the internet before the VPC has its gateway, and does not detach the gateway before that is gone.
  depends_on = [aws_route.internet]
}

output "endpoint_security_group_ids" {
  value       = [aws_security_group.endpoints.id]
  description = "The security group of the endpoints."
}

output "s3_prefix_list_id" {
  value       = aws_vpc_endpoint.s3.prefix_list_id
  description = "The addresses of S3, for rules."
}
