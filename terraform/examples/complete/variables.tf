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
  description = "A certificate in ACM of the region. With it there are also load balancers for the internet and the UIs, repositories and alarms."
}
