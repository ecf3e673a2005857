variable "name" {
  type        = string
  description = "Name of the cluster, unique in the account and region."
  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$", var.name))
    error_message = "Expected 1 to 32 lower-case letters, digits and inner hyphens, such as demo."
  }
}

# The network.
variable "vpc_id" {
  type        = string
  description = "The VPC."
}

variable "subnet_ids" {
  type        = object({ backoffice = list(string), services = list(string), content_connector = list(string) })
  description = "The subnets of each kind, one in each of three zones."
  validation {
    condition     = alltrue([for ids in values(var.subnet_ids) : length(ids) == 3])
    error_message = "Expected three subnets of each kind, one in each zone."
  }
}

variable "s3_prefix_list_id" {
  type        = string
  description = "The prefix list of S3 in the region, for the layers of images."
}

variable "endpoint_security_group_ids" {
  type        = list(string)
  default     = []
  description = "Security groups of the endpoints of AWS services. The nodes are added to them."
}

variable "endpoint_cidrs" {
  type        = set(string)
  default     = []
  description = "Addresses of the endpoints of AWS services, where their groups are somebody else's."
  validation {
    condition     = length(var.endpoint_cidrs) + length(var.endpoint_security_group_ids) > 0
    error_message = "Expected endpoint_security_group_ids or endpoint_cidrs: without endpoints of AWS services no node can join."
  }
}

variable "dns_cidrs" {
  type        = set(string)
  default     = []
  description = "Addresses of the site's own resolvers. AWS's resolver needs no rule."
}

variable "proxy_cidrs" {
  type        = set(string)
  default     = []
  description = "Addresses of the site's HTTP proxies."
}

variable "proxy_port" {
  type        = number
  default     = 3128
  description = "Port of the site's HTTP proxies."
}

# The image.
variable "ami_id" {
  type        = object({ consul_server = string, nomad_server = string, nomad_client = string })
  default     = null
  description = "The AMI of each kind of node, as the image build writes it into cos-amis.auto.tfvars.json."
  validation {
    condition     = (var.ami_id == null) != (var.ami == null)
    error_message = "Expected ami_id, or ami with the name and the owner of one AMI, and not both."
  }
}

variable "ami" {
  type        = object({ name = string, owner = string })
  default     = null
  description = "The exact name and the owner of one AMI for all nodes, in place of `ami_id`."
  validation {
    condition     = !can(regex("[*?]", var.ami.name))
    error_message = "Expected the exact name of an AMI: a pattern would replace nodes whenever somebody builds an image."
  }
}

variable "root_device_name" {
  type        = string
  default     = "/dev/xvda"
  description = "The name that the AMI has for its root volume: `/dev/xvda` on Debian and Amazon Linux, `/dev/sda1` on Ubuntu."
}

# The nodes.
variable "consul_servers" {
  type        = object({ count = optional(number, 3), instance_type = optional(string, "t3.medium"), volume_size = optional(number, 20) })
  default     = {}
  description = "The Consul servers: 1, 3, 5 or 7."
}

variable "nomad_servers" {
  type        = object({ count = optional(number, 3), instance_type = optional(string, "t3.medium"), volume_size = optional(number, 20) })
  default     = {}
  description = "The Nomad servers: 1, 3, 5 or 7."
}

variable "clients" {
  type = map(object({
    size          = optional(object({ min = number, max = number, desired = optional(number) }), { min = 1, max = 3, desired = 1 })
    instance_type = optional(string, "t3.large")
    volume_size   = optional(number, 50)
    cpu_target    = optional(number)
    hop_limit     = optional(number, 1)
  }))
  default     = { backoffice = {}, public-services = {}, private-services = {}, content-connector = {} }
  description = "The clients of each datacenter. A datacenter without an entry has none."
  validation {
    condition     = length(setsubtract(keys(var.clients), ["backoffice", "public-services", "private-services", "content-connector"])) == 0
    error_message = "Expected the datacenters backoffice, public-services, private-services and content-connector."
  }
}

variable "settings" {
  type        = string
  default     = null
  description = "Settings of cos-agent (TOML) for all nodes, as user data. Null: those of the image."
}

variable "kms_key_id" {
  type        = string
  default     = null
  description = "KMS key of the volumes. Null: AWS's own."
}

variable "launch_hook" {
  type        = object({ timeout = optional(number, 900), default_result = optional(string, "ABANDON") })
  default     = {}
  description = "How long a node may take to join, and what happens then."
}

variable "wait_for_capacity_timeout" {
  type        = string
  default     = "15m"
  description = "How long `terraform apply` waits until the nodes have joined; `0` does not wait."
}

# The ways in.
variable "ingress" {
  type = object({
    certificate_arn      = string, subnet_ids = list(string), hosts = optional(list(string), [])
    ssl_policy           = optional(string, "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"), access_logs_bucket = optional(string)
    deregistration_delay = optional(number, 60), deletion_protection = optional(bool, true)
  })
  default     = null
  description = "The load balancer that the internet reaches: its certificate, three public subnets, and the hosts it serves. Null: none."
  validation {
    condition     = var.ingress == null || contains(keys(var.clients), "public-services")
    error_message = "Expected clients of public-services, because the ingress proxy runs there."
  }
}

variable "ui" {
  type = object({
    cidrs           = set(string), subnet_ids = list(string), accept_no_acls = optional(bool, false)
    certificate_arn = optional(string), certificate = optional(object({ body = string, chain = optional(string), private_key = string }))
    ssl_policy      = optional(string, "ELBSecurityPolicy-TLS13-1-2-Res-2021-06")
  })
  default     = null
  sensitive   = true
  description = "The load balancer of the UIs: who reaches it, three backoffice subnets, its certificate, and `accept_no_acls`. Null: none."
  validation {
    condition     = var.ui == null ? true : length(var.ui.cidrs) > 0
    error_message = "Expected the networks of the people who use the UIs in ui.cidrs, such as 10.0.0.0/16."
  }
  validation {
    condition     = var.ui == null ? true : var.ui.accept_no_acls
    error_message = "Expected ui.accept_no_acls = true: Consul and Nomad have no ACLs yet, so who reaches a page can run jobs on every node."
  }
  validation {
    condition     = var.ui == null ? true : (var.ui.certificate_arn == null) != (var.ui.certificate == null)
    error_message = "Expected ui.certificate_arn, or ui.certificate with a body and a private key, and not both."
  }
}

# What clients pull.
variable "repositories" {
  type        = set(string)
  default     = []
  description = "Repositories in ECR to make below the name of the cluster: `web` is `NAME/web`. Clients then pull from these alone."
}

variable "repository_images" {
  type        = object({ keep_tagged = optional(number, 30), untagged_days = optional(number, 7) })
  default     = {}
  description = "How many images with a tag a repository keeps, and for how many days those without one."
}

variable "pull_through" {
  type        = map(object({ registry = string, credential_arn = optional(string) }))
  default     = {}
  description = "Registries that ECR caches below `NAME/KEY/`: the host, and the secret with its credentials."
}

# Alarms.
variable "alarms" {
  type        = bool
  default     = false
  description = "Whether there are alarms in CloudWatch. Topics make them too."
}

variable "alarm_topic_arns" {
  type        = list(string)
  default     = []
  description = "The SNS topics that hear of alarms, at most 5."
}

# Rights.
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
  description = "Further repositories in ECR from which clients pull. Without any and without `repositories`: all of this account and region."
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
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of everything, also of the nodes."
}
