variable "name" {
  type        = string
  description = "Name of the cluster."
  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$", var.name))
    error_message = "Expected 1 to 32 lower-case letters, digits and inner hyphens, such as demo."
  }
}

variable "servers_exist" {
  type        = bool
  default     = false
  description = "Whether servers of this cluster exist that this configuration did not make. New servers then only join."
}

variable "session_manager" {
  type        = bool
  default     = true
  description = "Whether the SSM agent may open sessions on the nodes."
}

variable "repository_arns" {
  type        = list(string)
  default     = []
  description = "The repositories in ECR from which clients pull. Empty: all of this account and region."
}

variable "pull_through_arns" {
  type        = list(string)
  default     = []
  description = "The repositories that caches of other registries make in ECR. Clients pull from them, and may make them."
}

variable "permissions_boundary_arn" {
  type        = string
  default     = null
  description = "The permissions boundary of the roles."
}

variable "additional_policy_arns" {
  type        = list(string)
  default     = []
  description = "Further policies of all roles."
  validation {
    condition     = length(var.additional_policy_arns) <= 10
    error_message = "Expected at most 10 policies: AWS attaches no more to a role."
  }
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of everything."
}
