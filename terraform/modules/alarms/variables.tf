variable "name" {
  type        = string
  description = "Name of the cluster."
  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$", var.name))
    error_message = "Expected 1 to 32 lower-case letters, digits and inner hyphens, such as demo."
  }
}

variable "groups" {
  type        = map(object({ name = string, minutes = optional(number, 15) }))
  description = "The Auto Scaling group of each kind of node, and for how many minutes it may be below its size."
  validation {
    condition     = alltrue([for group in values(var.groups) : group.minutes >= 1 && group.minutes <= 1440 && floor(group.minutes) == group.minutes])
    error_message = "Expected 1 to 1440 minutes: an alarm looks back a day at most."
  }
}

variable "target_groups" {
  type        = map(object({ arn = string, target_group = string, load_balancer = string }))
  default     = {}
  description = "The target groups of load balancers, as the modules `ingress` and `ui` give them out."
}

variable "launch_timeout" {
  type        = number
  default     = 900
  description = "How many seconds a node may take to join."
  validation {
    condition     = var.launch_timeout >= 30 && var.launch_timeout <= 7200
    error_message = "Expected a timeout from 30 to 7200 seconds, as that of the launch hook."
  }
}

variable "topic_arns" {
  type        = list(string)
  default     = []
  description = "The SNS topics that hear of an alarm, and of its end. Empty: it is seen in CloudWatch alone."
  validation {
    condition     = length(var.topic_arns) <= 5
    error_message = "Expected at most 5 topics: AWS takes no more for an alarm."
  }
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of everything."
}
