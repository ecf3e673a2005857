variable "name" {
  type        = string
  description = "Name of the cluster."
  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$", var.name))
    error_message = "Expected 1 to 32 lower-case letters, digits and inner hyphens, such as demo."
  }
}

variable "role" {
  type        = string
  description = "`consul-server` or `nomad-server`."
  validation {
    condition     = contains(["consul-server", "nomad-server"], var.role)
    error_message = "Expected consul-server or nomad-server."
  }
}

variable "servers" {
  type        = number
  default     = 3
  description = "How many servers: 1, 3, 5 or 7."
  validation {
    condition     = contains([1, 3, 5, 7], var.servers)
    error_message = "Expected 1, 3, 5 or 7 servers: an even number survives no more losses than the odd one below it."
  }
}

variable "ami_id" {
  type        = string
  description = "The AMI."
}

variable "instance_type" {
  type        = string
  default     = "t3.medium"
  description = "The instance type."
}

variable "instance_profile_arn" {
  type        = string
  description = "The instance profile."
}

variable "security_group_ids" {
  type        = list(string)
  description = "The security groups."
}

variable "subnet_ids" {
  type        = list(string)
  description = "The backoffice subnets, one in each zone."
}

variable "settings" {
  type        = string
  default     = null
  description = "Settings of cos-agent (TOML), as user data."
}

variable "root_volume" {
  type        = object({ size = optional(number, 20), device_name = optional(string, "/dev/xvda"), kms_key_id = optional(string) })
  default     = {}
  description = "The root volume: GiB, the name that the AMI has for it, and the KMS key."
}

variable "launch_hook" {
  type        = object({ timeout = optional(number, 900), default_result = optional(string, "ABANDON") })
  default     = {}
  description = "How long a server may take to join, and what happens then."
}

variable "wait_for_capacity_timeout" {
  type        = string
  default     = "15m"
  description = "How long `terraform apply` waits until the servers have joined; `0` does not wait."
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of everything, also of the nodes."
}
