# The port matrix: who of a cluster may talk to whom. A row of `flows` makes the rule of both ends, so that egress is closed too.

locals {
  tags = merge(var.tags, { "cos:cluster" = var.name })

  # Every node is in `node`, and in the group of its kind; clients of Nomad are in `client` too.
  groups = merge({
    node              = "Every node"
    consul-server     = "Consul servers"
    nomad-server      = "Nomad servers"
    client            = "Every Nomad client"
    backoffice        = "Nomad clients of backoffice"
    public-services   = "Nomad clients of public-services"
    private-services  = "Nomad clients of private-services"
    content-connector = "Nomad clients of content-connector"
    },
    var.ingress ? { public-alb = "The load balancer that the internet reaches" } : {},
    local.ui ? { ui-alb = "The load balancer of the UIs" } : {},
  )
  ui = length(var.ui_cidrs) > 0

  flows = merge({
    # https://developer.hashicorp.com/consul/docs/reference/architecture/ports
    gossip-tcp = { from = "node", to = "node", protocol = "tcp", ports = [8301, 8301], why = "gossip of Consul: join, state, and pings where UDP is lost", proof = "check net-consul-servers" }
    gossip-udp = { from = "node", to = "node", protocol = "udp", ports = [8301, 8301], why = "gossip of Consul: pings", proof = "check net-consul-udp" }
    consul-rpc = { from = "node", to = "consul-server", protocol = "tcp", ports = [8300, 8300], why = "agents and servers of Consul", proof = "check net-consul-servers" }
    # https://developer.hashicorp.com/nomad/docs/install/production/requirements#ports-used
    nomad-rpc-servers = { from = "nomad-server", to = "nomad-server", protocol = "tcp", ports = [4647, 4647], why = "Raft and RPC between servers of Nomad", proof = "check net-nomad-servers" }
    nomad-rpc-clients = { from = "client", to = "nomad-server", protocol = "tcp", ports = [4647, 4647], why = "clients of Nomad register and ask for work", proof = "check net-nomad-servers" }
    nomad-gossip-tcp  = { from = "nomad-server", to = "nomad-server", protocol = "tcp", ports = [4648, 4648], why = "gossip of the Nomad servers: join and state", proof = "check net-nomad-servers" }
    nomad-gossip-udp  = { from = "nomad-server", to = "nomad-server", protocol = "udp", ports = [4648, 4648], why = "gossip of the Nomad servers: pings", proof = "a probe by UDP" }
    # What watches and steers the cluster runs in backoffice.
    consul-ui = { from = "backoffice", to = "consul-server", protocol = "tcp", ports = [8500, 8500], why = "metrics and UI of Consul", proof = "a request for /v1/agent/metrics" }
    nomad-ui  = { from = "backoffice", to = "nomad-server", protocol = "tcp", ports = [4646, 4646], why = "metrics and UI of Nomad", proof = "a request for /v1/metrics" }
    # https://developer.hashicorp.com/nomad/docs/configuration/client#min_dynamic_port
    tasks = { from = "client", to = "client", protocol = "tcp", ports = [20000, 32000], why = "tasks reach each other on the ports that Nomad gives them", proof = "a request from task to task" }
    # The way out. AWS filters neither its own resolver, clock nor metadata:
    # https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html
    internet-out = { from = "content-connector", to = "internet", protocol = "-1", ports = null, why = "egress of content-connector, the only way out", proof = "a request to outside" }
    s3           = { from = "node", to = "s3", protocol = "tcp", ports = [443, 443], why = "layers of images in ECR, by the gateway endpoint", proof = "a pull from ECR" }
    },
    # The way in.
    { for name, flow in {
      internet-in   = { from = "internet", to = "public-alb", protocol = "tcp", ports = [443, 443], why = "HTTPS from the internet, the only way in", proof = "a request from outside" }
      ingress       = { from = "public-alb", to = "public-services", protocol = "tcp", ports = [9999, 9999], why = "requests to the ingress proxy", proof = "a request from outside" }
      ingress-check = { from = "public-alb", to = "public-services", protocol = "tcp", ports = [9998, 9998], why = "health check of the ingress proxy", proof = "the health of the target" }
    } : name => flow if var.ingress },
    # The UIs for people. The health checks of the load balancer use the same ports.
    { for name, flow in {
      ui-consul = { from = "ui-alb", to = "consul-server", protocol = "tcp", ports = [8500, 8500], why = "UI of Consul by its load balancer", proof = "the health of the target" }
      ui-nomad  = { from = "ui-alb", to = "nomad-server", protocol = "tcp", ports = [4646, 4646], why = "UI of Nomad by its load balancer", proof = "the health of the target" }
    } : name => flow if local.ui },
    { for cidr in var.ui_cidrs : "ui-in-nomad-${cidr}" => { from = "cidr-${cidr}", to = "ui-alb", protocol = "tcp", ports = [4646, 4646], why = "people who use the UI of Nomad", proof = "a request from this network" } },
    { for cidr in var.ui_cidrs : "ui-in-consul-${cidr}" => { from = "cidr-${cidr}", to = "ui-alb", protocol = "tcp", ports = [8501, 8501], why = "people who use the UI of Consul", proof = "a request from this network" } },
    # Endpoints of AWS services, by group or by address.
    { for end in local.endpoints : end => { from = "node", to = end, protocol = "tcp", ports = [443, 443], why = "endpoints of AWS services", proof = "check aws-endpoint-ec2" } },
    # What a site has of its own.
    { for cidr in var.dns_cidrs : "dns-udp-${cidr}" => { from = "node", to = "cidr-${cidr}", protocol = "udp", ports = [53, 53], why = "resolver of the site", proof = "check dns-resolvers" } },
    { for cidr in var.dns_cidrs : "dns-tcp-${cidr}" => { from = "node", to = "cidr-${cidr}", protocol = "tcp", ports = [53, 53], why = "resolver of the site, long answers", proof = "a question by TCP" } },
    { for cidr in var.proxy_cidrs : "proxy-${cidr}" => { from = "node", to = "cidr-${cidr}", protocol = "tcp", ports = [var.proxy_port, var.proxy_port], why = "proxy of the site", proof = "a request by the proxy" } },
  )

  # The ends of flows that are no group of this cluster.
  endpoints = concat(
    [for number, _ in var.endpoint_security_group_ids : "endpoints-${number}"],
    [for cidr in var.endpoint_cidrs : "cidr-${cidr}"],
  )
  outside = merge(
    { internet = { cidr = "0.0.0.0/0" }, s3 = { prefix_list = var.s3_prefix_list_id } },
    { for number, id in var.endpoint_security_group_ids : "endpoints-${number}" => { group = id } },
    { for cidr in setunion(var.endpoint_cidrs, var.dns_cidrs, var.proxy_cidrs, var.ui_cidrs) : "cidr-${cidr}" => { cidr = cidr } },
  )
  ends = merge(local.outside, { for name, group in aws_security_group.this : name => { group = group.id } })

  # The groups in which this cluster makes rules: its own, and those of the endpoints.
  ours    = concat(keys(local.groups), [for number, _ in var.endpoint_security_group_ids : "endpoints-${number}"])
  ingress = { for name, flow in local.flows : name => flow if contains(local.ours, flow.to) }
  egress  = { for name, flow in local.flows : name => flow if contains(keys(local.groups), flow.from) }
}

resource "aws_security_group" "this" {
  for_each    = local.groups
  name        = "${var.name}-${each.key}"
  description = "${each.value} of the COS ${var.name}"
  vpc_id      = var.vpc_id
  tags        = merge(local.tags, { Name = "${var.name}-${each.key}" })

  lifecycle {
    # A group that is in use cannot be deleted, and nodes are replaced later than groups.
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  for_each                     = local.ingress
  security_group_id            = local.ends[each.value.to].group
  referenced_security_group_id = try(local.ends[each.value.from].group, null)
  cidr_ipv4                    = try(local.ends[each.value.from].cidr, null)
  ip_protocol                  = each.value.protocol
  from_port                    = try(each.value.ports[0], null)
  to_port                      = try(each.value.ports[1], null)
  description                  = "${each.key}: ${each.value.why}"
  tags                         = merge(local.tags, { Name = "${var.name}-${each.key}" })
}

resource "aws_vpc_security_group_egress_rule" "this" {
  for_each                     = local.egress
  security_group_id            = local.ends[each.value.from].group
  referenced_security_group_id = try(local.ends[each.value.to].group, null)
  cidr_ipv4                    = try(local.ends[each.value.to].cidr, null)
  prefix_list_id               = try(local.ends[each.value.to].prefix_list, null)
  ip_protocol                  = each.value.protocol
  from_port                    = try(each.value.ports[0], null)
  to_port                      = try(each.value.ports[1], null)
  description                  = "${each.key}: ${each.value.why}"
  tags                         = merge(local.tags, { Name = "${var.name}-${each.key}" })
}
