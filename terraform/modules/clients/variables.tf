variable "name" {
  type        = string
  description = "Name of the cluster."
  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$", var.name))
    error_message = "Expected 1 to 32 lower-case letters, digits and inner hyphens, such as demo."
  }
}

variable "datacenter" {
  type        = string
  description = "`backoffice`, `public-services`, `private-services` or `content-connector`."
  validation {
    condition     = contains(["backoffice", "public-services", "private-services", "content-connector"], var.datacenter)
    error_message = "Expected backoffice, public-services, private-services or content-connector."
  }
}

variable "size" {
  type        = object({ min = number, max = number, desired = optional(number) })
  default     = { min = 1, max = 3 }
  description = "How many clients. `desired` counts at the creation alone."
}

variable "cpu_target" {
  type        = number
  default     = null
  description = "Average CPU in percent that the number of clients follows, upwards only until nodes are drained. Null: no scaling."
  validation {
    condition     = var.cpu_target == null || try(var.cpu_target >= 1 && var.cpu_target <= 100, false)
    error_message = "Expected a percentage from 1 to 100."
  }
}

variable "ami_id" {
  type        = string
  description = "The AMI."
}

variable "instance_type" {
  type        = string
  default     = "t3.large"
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
  description = "The subnets of the datacenter, one in each zone."
}

variable "settings" {
  type        = string
  default     = null
  description = "Settings of cos-agent (TOML), as user data."
}

variable "root_volume" {
  type        = object({ size = optional(number, 50), device_name = optional(string, "/dev/xvda"), kms_key_id = optional(string) })
  default     = {}
  description = "The root volume: GiB, the name that the AMI has for it, and the KMS key. Images and containers are on it."
}

variable "hop_limit" {
  type        = number
  default     = 1
  description = "How many hops metadata may go. With 2, containers in bridge networks reach it too, and with it the role of the node."
}

variable "launch_hook" {
  type        = object({ timeout = optional(number, 900), default_result = optional(string, "ABANDON") })
  default     = {}
  description = "How long a client may take to join, and what happens then."
}

variable "terminate_hook" {
  type        = bool
  default     = false
  description = "Whether a termination waits for the agent. Leave it off: no version of cos-agent drains yet."
}

variable "wait_for_capacity_timeout" {
  type        = string
  default     = "15m"
  description = "How long `terraform apply` waits until the clients have joined; `0` does not wait."
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of everything, also of the nodes."
}
