variable "name" {
  type        = string
  description = "Name of the group, of its template and of its instances."
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,126}[a-z0-9]$", var.name))
    error_message = "Expected 3 to 128 lower-case letters, digits and inner hyphens."
  }
}

variable "ami_id" {
  type        = string
  description = "The AMI."
  validation {
    condition     = can(regex("^ami-([0-9a-f]{8}|[0-9a-f]{17})$", var.ami_id))
    error_message = "Expected the id of an AMI, such as ami-0123456789abcdef0; the image build writes it into cos-amis.auto.tfvars.json."
  }
}

variable "instance_type" {
  type        = string
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
  description = "The subnets, one in each zone."
  validation {
    condition     = length(var.subnet_ids) == 3
    error_message = "Expected three subnets, one in each zone."
  }
}

variable "node_tags" {
  type        = map(string)
  description = "The tags that say what a node is."
}

variable "size" {
  type        = object({ min = number, max = number, desired = optional(number) })
  description = "How many nodes."
  validation {
    condition     = var.size.min >= 0 && var.size.min <= var.size.max && try(var.size.desired >= var.size.min && var.size.desired <= var.size.max, true)
    error_message = "Expected 0 <= min <= desired <= max."
  }
}

variable "settings" {
  type        = string
  default     = null
  description = "Settings of cos-agent (TOML), as user data."
}

variable "hop_limit" {
  type        = number
  default     = 1
  description = "How many hops metadata may go. With 2, containers in bridge networks reach it too, and with it the role of the node."
  validation {
    condition     = contains([1, 2], var.hop_limit)
    error_message = "Expected 1, or 2 for containers that use the role of the node."
  }
}

variable "root_volume" {
  type        = object({ size = optional(number, 20), device_name = optional(string, "/dev/xvda"), kms_key_id = optional(string) })
  default     = {}
  description = "The root volume: GiB, the name that the AMI has for it, and the KMS key."
}

variable "launch_hook" {
  type        = object({ timeout = optional(number, 900), default_result = optional(string, "ABANDON") })
  default     = {}
  description = "How long a node may take to join, and what happens then. The agent asks for more time while it waits for others."
  validation {
    condition     = var.launch_hook.timeout >= 30 && var.launch_hook.timeout <= 7200
    error_message = "Expected a timeout from 30 to 7200 seconds."
  }
  validation {
    condition     = contains(["ABANDON", "CONTINUE"], var.launch_hook.default_result)
    error_message = "Expected ABANDON or CONTINUE."
  }
}

variable "terminate_hook" {
  type        = bool
  default     = false
  description = "Whether a termination waits for the agent. Leave it off: no version of cos-agent drains yet."
}

variable "wait_for_capacity_timeout" {
  type        = string
  default     = "15m"
  description = "How long `terraform apply` waits until the nodes have joined; `0` does not wait."
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of everything, also of the nodes."
  validation {
    condition     = alltrue([for key in keys(var.tags) : can(regex("^[A-Za-z0-9+=.,_:@-]+$", key)) && !contains([".", "..", "_index"], key)])
    error_message = "Expected keys of letters, digits and + - = . , _ : @ only: nodes read their tags from metadata, which allows no others."
  }
  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(lower(key), "aws:") && !startswith(key, "cos:")])
    error_message = "Expected keys that begin neither with aws: nor with cos:, which say what a node is."
  }
}
