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
