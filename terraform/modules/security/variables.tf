variable "name" {
  type        = string
  description = "Name of the cluster."
  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$", var.name))
    error_message = "Expected 1 to 32 lower-case letters, digits and inner hyphens, such as demo."
  }
  validation {
    condition     = !startswith(var.name, "sg-")
    error_message = "Expected a name that does not begin with sg-: AWS keeps that for ids of security groups."
  }
}

variable "vpc_id" {
  type        = string
  description = "The VPC."
}

variable "s3_prefix_list_id" {
  type        = string
  description = "The prefix list of S3 in the region; the network module has it as an output."
}

variable "endpoint_security_group_ids" {
  type        = list(string)
  default     = []
  description = "Security groups of the endpoints of AWS services. The nodes of the cluster are added to them."
}

variable "endpoint_cidrs" {
  type        = set(string)
  default     = []
  description = "Addresses of the endpoints of AWS services, where their groups are somebody else's."
  validation {
    condition     = alltrue([for cidr in var.endpoint_cidrs : try(cidrsubnet(cidr, 0, 0) == cidr, false)])
    error_message = "Expected networks whose host bits are zero, such as 10.0.0.0/24."
  }
  validation {
    condition     = !contains(var.endpoint_cidrs, "0.0.0.0/0")
    error_message = "Expected the addresses of the endpoints; 0.0.0.0/0 would open every node to the internet."
  }
}

variable "dns_cidrs" {
  type        = set(string)
  default     = []
  description = "Addresses of the site's own resolvers. AWS's resolver needs no rule."
  validation {
    condition     = alltrue([for cidr in var.dns_cidrs : try(cidrsubnet(cidr, 0, 0) == cidr, false) && cidr != "0.0.0.0/0"])
    error_message = "Expected networks whose host bits are zero, such as 10.0.0.53/32."
  }
}

variable "proxy_cidrs" {
  type        = set(string)
  default     = []
  description = "Addresses of the site's HTTP proxies."
  validation {
    condition     = alltrue([for cidr in var.proxy_cidrs : try(cidrsubnet(cidr, 0, 0) == cidr, false) && cidr != "0.0.0.0/0"])
    error_message = "Expected networks whose host bits are zero, such as 10.0.0.80/32."
  }
}

variable "proxy_port" {
  type        = number
  default     = 3128
  description = "Port of the site's HTTP proxies."
  validation {
    condition     = var.proxy_port >= 1 && var.proxy_port <= 65535
    error_message = "Expected a port from 1 to 65535."
  }
}

variable "ingress" {
  type        = bool
  default     = false
  description = "Whether there is a load balancer that the internet reaches."
}

variable "ui_cidrs" {
  type        = set(string)
  default     = []
  description = "Addresses of the people who use the UIs of Consul and Nomad. Empty: there is no load balancer for them."
  validation {
    condition     = alltrue([for cidr in var.ui_cidrs : try(cidrsubnet(cidr, 0, 0) == cidr && tonumber(split("/", cidr)[1]) >= 8, false)])
    error_message = "Expected networks of /8 or smaller whose host bits are zero, such as 10.0.0.0/16: who reaches the UIs can run jobs."
  }
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of everything."
}
