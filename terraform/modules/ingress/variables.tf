variable "name" {
  type        = string
  description = "Name of the cluster."
  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$", var.name))
    error_message = "Expected 1 to 32 lower-case letters, digits and inner hyphens, such as demo."
  }
}

variable "vpc_id" {
  type        = string
  description = "The VPC."
}

variable "subnet_ids" {
  type        = list(string)
  description = "The public subnets, one in each of three zones."
  validation {
    condition     = length(var.subnet_ids) == 3
    error_message = "Expected three public subnets, one in each zone."
  }
}

variable "security_group_id" {
  type        = string
  description = "The security group `public-alb`."
}

variable "autoscaling_group_name" {
  type        = string
  description = "The Auto Scaling group of the clients of public-services, where the ingress proxy runs."
}

variable "certificate_arn" {
  type        = string
  description = "The certificate, in ACM of this region."
  validation {
    condition     = can(regex("^arn:aws[a-z-]*:(acm|iam):", var.certificate_arn))
    error_message = "Expected the ARN of a certificate in ACM, such as arn:aws:acm:eu-central-1:123456789012:certificate/0123."
  }
}

variable "ssl_policy" {
  type        = string
  default     = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
  description = "The TLS policy of the listener: TLS 1.2 with forward secrecy, and TLS 1.3."
  validation {
    condition     = can(regex("^ELBSecurityPolicy-TLS13-1-[23]-", var.ssl_policy))
    error_message = "Expected a policy of TLS 1.2 and 1.3, such as ELBSecurityPolicy-TLS13-1-2-Res-2021-06."
  }
}

variable "hosts" {
  type        = list(string)
  default     = []
  description = "The hosts whose requests reach the proxy, such as `*.example.com`; others get 404. Empty: all of them."
  validation {
    condition     = length(var.hosts) <= 50 && length(distinct(var.hosts)) == length(var.hosts)
    error_message = "Expected at most 50 hosts, each of them once."
  }
  validation {
    condition     = alltrue([for host in var.hosts : length(host) <= 128 && can(regex("^(\\*\\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]+$", host))])
    error_message = "Expected hosts such as www.example.com or *.example.com, in lower case and without a port."
  }
}

variable "deregistration_delay" {
  type        = number
  default     = 60
  description = "How many seconds a client that goes may still answer requests."
  validation {
    condition     = var.deregistration_delay >= 0 && var.deregistration_delay <= 3600
    error_message = "Expected 0 to 3600 seconds."
  }
}

variable "deletion_protection" {
  type        = bool
  default     = true
  description = "Whether AWS refuses to delete the load balancer. Set it to false and apply before `terraform destroy`."
}

variable "access_logs_bucket" {
  type        = string
  default     = null
  description = "The S3 bucket of access logs, whose policy lets the load balancer write. Null: none are kept."
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of everything."
}
