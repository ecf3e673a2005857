variable "name" {
  type        = string
  description = "Name of the cluster."
  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$", var.name))
    error_message = "Expected 1 to 32 lower-case letters, digits and inner hyphens, such as demo."
  }
}

variable "accept_no_acls" {
  type        = bool
  default     = false
  description = "Accept that there are no ACLs: who reaches a page can run jobs on every node."
  validation {
    condition     = var.accept_no_acls
    error_message = "Expected accept_no_acls = true: Consul and Nomad have no ACLs yet, so who reaches a page can run jobs on every node."
  }
}

variable "vpc_id" {
  type        = string
  description = "The VPC."
}

variable "subnet_ids" {
  type        = list(string)
  description = "The backoffice subnets, one in each of three zones."
  validation {
    condition     = length(var.subnet_ids) == 3
    error_message = "Expected three subnets, one in each zone."
  }
}

variable "security_group_id" {
  type        = string
  description = "The security group `ui-alb`, which says who reaches the pages."
}

variable "autoscaling_group_names" {
  type        = object({ consul_server = string, nomad_server = string })
  description = "The Auto Scaling groups of the servers."
}

variable "certificate_arn" {
  type        = string
  default     = null
  description = "The certificate, in ACM of this region."
  validation {
    condition     = var.certificate_arn == null || can(regex("^arn:aws[a-z-]*:(acm|iam):", var.certificate_arn))
    error_message = "Expected the ARN of a certificate in ACM, such as arn:aws:acm:eu-central-1:123456789012:certificate/0123."
  }
  validation {
    condition     = (var.certificate_arn == null) != nonsensitive(var.certificate == null)
    error_message = "Expected certificate_arn, or certificate with a body and a private key, and not both."
  }
}

variable "certificate" {
  type        = object({ body = string, chain = optional(string), private_key = string })
  default     = null
  sensitive   = true
  description = "A certificate to import into ACM, such as a self-signed one, in PEM. Its private key gets into the state."
  validation {
    condition     = var.certificate == null ? true : can(regex("^-----BEGIN CERTIFICATE-----", var.certificate.body)) && can(regex("PRIVATE KEY-----", var.certificate.private_key))
    error_message = "Expected a certificate and a private key in PEM, which begin with -----BEGIN."
  }
}

variable "ssl_policy" {
  type        = string
  default     = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
  description = "The TLS policy of the listeners: TLS 1.2 with forward secrecy, and TLS 1.3."
  validation {
    condition     = can(regex("^ELBSecurityPolicy-TLS13-1-[23]-", var.ssl_policy))
    error_message = "Expected a policy of TLS 1.2 and 1.3, such as ELBSecurityPolicy-TLS13-1-2-Res-2021-06."
  }
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of everything."
}
