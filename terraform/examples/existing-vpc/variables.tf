variable "ami_id" {
  type        = object({ consul_server = string, nomad_server = string, nomad_client = string })
  description = "The AMI of each kind of node: copy cos-amis.auto.tfvars.json of the image build here."
}

variable "vpc_id" {
  type        = string
  description = "The VPC. It resolves the private names of its endpoints."
}

variable "subnet_ids" {
  type        = object({ backoffice = list(string), services = list(string), content_connector = list(string) })
  description = "The subnets of each kind, one in each of three zones."
}

variable "endpoint_security_group_ids" {
  type        = list(string)
  description = "The security groups of the endpoints of AWS services."
}

variable "dns_cidrs" {
  type        = set(string)
  default     = []
  description = "Addresses of the site's own resolvers."
}

variable "ingress" {
  type        = object({ certificate_arn = string, subnet_ids = list(string), hosts = optional(list(string), []) })
  default     = null
  description = "The load balancer that the internet reaches: its certificate, three public subnets, and the hosts it serves. Null: none."
}

variable "ui" {
  type        = object({ cidrs = set(string), subnet_ids = list(string), certificate_arn = string, accept_no_acls = bool })
  default     = null
  description = "The load balancer of the UIs: who reaches it, three backoffice subnets, and its certificate. Null: none."
}

variable "repositories" {
  type        = set(string)
  default     = []
  description = "Repositories in ECR to make below the name of the cluster."
}

variable "alarm_topic_arns" {
  type        = list(string)
  default     = []
  description = "The SNS topics that hear of alarms. Empty: there are no alarms."
}

variable "name" {
  type        = string
  default     = "demo"
  description = "Name of the cluster."
}

variable "region" {
  type        = string
  default     = "eu-central-1"
  description = "The region."
}
