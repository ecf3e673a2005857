variable "name" {
  type        = string
  description = "Name of the VPC and of what is in it."
  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$", var.name))
    error_message = "Expected 1 to 32 lower-case letters, digits and inner hyphens, such as demo."
  }
}

variable "cidr" {
  type        = string
  description = "Addresses of the VPC, from /16 to /21."
  validation {
    condition     = can(regex("^[0-9.]+/(1[6-9]|2[01])$", var.cidr)) && can(cidrnetmask(var.cidr)) && try(cidrsubnet(var.cidr, 0, 0) == var.cidr, false)
    error_message = "Expected a network from /16 to /21 whose host bits are zero, such as 10.20.0.0/16: three kinds of subnet in three zones need that much."
  }
}

variable "zones" {
  type        = list(string)
  description = "The three availability zones."
  validation {
    condition     = length(var.zones) == 3 && length(distinct(var.zones)) == 3
    error_message = "Expected three different availability zones, such as eu-central-1a, eu-central-1b and eu-central-1c."
  }
}

variable "single_nat_gateway" {
  type        = bool
  default     = false
  description = "One NAT gateway for all zones of content-connector, which costs a third, and ends with its zone."
}

variable "further_endpoints" {
  type        = set(string)
  default     = []
  description = "Further interface endpoints, such as `secretsmanager`, `kms` or `logs`."
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of everything."
}
