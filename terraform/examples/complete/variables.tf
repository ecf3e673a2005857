variable "ami_id" {
  type        = object({ consul_server = string, nomad_server = string, nomad_client = string })
  description = "The AMI of each kind of node: copy cos-amis.auto.tfvars.json of the image build here."
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

variable "cidr" {
  type        = string
  default     = "10.20.0.0/16"
  description = "Addresses of the VPC."
}

variable "certificate_arn" {
  type        = string
  default     = null
  description = "A certificate in ACM of the region. With it there are also a load balancer for the internet, repositories and alarms."
}

variable "ui_cidrs" {
  type        = set(string)
  default     = []
  description = "Networks that reach the UIs of Consul and Nomad, and so can run jobs. With a certificate they get a load balancer for the UIs."
}
