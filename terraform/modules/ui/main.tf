# The UIs of Consul and Nomad for people of the site: one internal load balancer, with the ports that the vendors use for HTTPS.

locals {
  # Load balancers and target groups have names of at most 32 characters, and none may begin with `internal-`.
  full  = { for part in ["ui", "ui-consul", "ui-nomad"] : part => "cos-${var.name}-${part}" }
  names = { for part, full in local.full : part => length(full) <= 32 ? full : "${substr(full, 0, 32 - 7)}-${substr(sha1(full), 0, 6)}" }
  tags  = merge(var.tags, { "cos:cluster" = var.name })
  # The paths answer 500 without a leader; Consul's /v1/status/leader would answer 200 with an empty text.
  # https://developer.hashicorp.com/nomad/api-docs/agent#health
  # https://developer.hashicorp.com/consul/api-docs/catalog#list-nodes-for-service
  daemons = {
    consul = { listener = 8501, port = 8500, path = "/v1/catalog/service/consul", group = var.autoscaling_group_names.consul_server }
    nomad  = { listener = 4646, port = 4646, path = "/v1/agent/health?type=server", group = var.autoscaling_group_names.nomad_server }
  }
  # Only that there is one, which is no secret.
  imported        = nonsensitive(var.certificate != null)
  certificate_arn = local.imported ? aws_acm_certificate.this[0].arn : var.certificate_arn
}

resource "aws_lb" "this" {
  name                       = local.names["ui"]
  internal                   = true
  load_balancer_type         = "application"
  subnets                    = var.subnet_ids
  security_groups            = [var.security_group_id]
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "defensive"
  # Nomad compares the origin of a terminal in the browser with the host.
  preserve_host_header = true
  # The pages wait up to 319 s for a change: https://developer.hashicorp.com/nomad/api-docs#blocking-queries
  idle_timeout = 360
  tags         = merge(local.tags, { Name = local.full["ui"] })
}

# A certificate of the site's own, such as a self-signed one. Its private key is in the state of Terraform.
resource "aws_acm_certificate" "this" {
  count             = local.imported ? 1 : 0
  certificate_body  = var.certificate.body
  certificate_chain = var.certificate.chain
  private_key       = var.certificate.private_key
  tags              = merge(local.tags, { Name = local.full["ui"] })

  lifecycle {
    # A listener uses the old one until it has the new one.
    create_before_destroy = true
  }
}

resource "aws_lb_target_group" "this" {
  #checkov:skip=CKV_AWS_378:The servers have no certificates yet.
  for_each             = local.daemons
  name                 = local.names["ui-${each.key}"]
  vpc_id               = var.vpc_id
  target_type          = "instance"
  protocol             = "HTTP"
  port                 = each.value.port
  deregistration_delay = 30
  tags                 = merge(local.tags, { Name = local.full["ui-${each.key}"] })

  # Longer than an election, which is over in seconds.
  health_check {
    protocol            = "HTTP"
    port                = "traffic-port"
    path                = each.value.path
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }
}

resource "aws_lb_listener" "this" {
  for_each          = local.daemons
  load_balancer_arn = aws_lb.this.arn
  protocol          = "HTTPS"
  port              = each.value.listener
  certificate_arn   = local.certificate_arn
  ssl_policy        = var.ssl_policy
  tags              = merge(local.tags, { Name = local.full["ui-${each.key}"] })

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this[each.key].arn
  }
}

resource "aws_autoscaling_traffic_source_attachment" "this" {
  for_each               = local.daemons
  autoscaling_group_name = each.value.group

  traffic_source {
    identifier = aws_lb_target_group.this[each.key].arn
    type       = "elbv2"
  }
}
