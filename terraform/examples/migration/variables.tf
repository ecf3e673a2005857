variable "ami_id" {
  type        = object({ consul_server = string, nomad_server = string, nomad_client = string })
  description = "The AMI of each kind of node: copy cos-amis.auto.tfvars.json of the image build here."
}

variable "vpc_id" {
  type        = string
  description = "The VPC of the old cluster."
}

variable "subnet_ids" {
  type        = object({ backoffice = list(string), services = list(string), content_connector = list(string) })
  description = "Its subnets of each kind, one in each of three zones."
}

variable "endpoint_security_group_ids" {
  type        = list(string)
  description = "The security groups of the endpoints of AWS services. The reference system has none: create them first."
}

variable "dns_cidrs" {
  type        = set(string)
  default     = []
  description = "Addresses of the site's own resolvers."
}

variable "clients" {
  type        = map(object({ size = optional(object({ min = number, max = number }), { min = 1, max = 3 }), instance_type = optional(string, "t3.large") }))
  default     = {}
  description = "The clients of each datacenter. None at first: the servers come before them."
}

variable "repository_arns" {
  type        = list(string)
  default     = []
  description = "The repositories in ECR from which clients pull. Empty: all of this account and region."
}

variable "ingress" {
  type        = object({ certificate_arn = string, subnet_ids = list(string), hosts = optional(list(string), []) })
  default     = null
  description = "The new load balancer that the internet reaches: its certificate, three public subnets, and the hosts it serves."
}

variable "settings" {
  type        = string
  default     = "[consul]\nhttp_on_link = true\n"
  description = "Settings of cos-agent (TOML) for all nodes. By default containers can ask Consul at the address of the link."
}

variable "name" {
  type        = string
  default     = "demo"
  description = "Name of the cluster."
}

variable "region" {
  type        = string
  default     = "eu-central-1"
  description = "The region, by default also the Consul datacenter and the Nomad region, as in the reference system."
}
