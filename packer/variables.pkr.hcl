# The table in README.md is compared with this file by a test.

# What has no default comes first.
variable "cos_agent" {
  type        = string
  description = "Path of the binary of cos-agent, for the architecture of the image."
}

variable "cos_agent_version" {
  type        = string
  description = "What `cos-agent version` says; it is checked, and goes on the AMI's tags."
  validation {
    condition     = var.cos_agent_version != "" && regex_replace(var.cos_agent_version, "^[0-9]+\\.[0-9]+\\.[0-9]+([-+][0-9A-Za-z.-]+)?$", "") == ""
    error_message = "Expected a version like 1.2.3."
  }
}

variable "cos_agent_sha256" {
  type        = string
  description = "SHA-256 of the binary; it is checked, and goes on the AMI's tags."
  validation {
    condition     = var.cos_agent_sha256 != "" && regex_replace(var.cos_agent_sha256, "^[0-9a-f]{64}$", "") == ""
    error_message = "Expected 64 hexadecimal digits; `sha256sum` prints them."
  }
}

# What is built.
variable "system" {
  type        = string
  default     = "debian-12"
  description = "`debian-12`, `ubuntu-22.04`, `ubuntu-24.04` or `amazon-2023`."
  validation {
    condition     = contains(["debian-12", "ubuntu-22.04", "ubuntu-24.04", "amazon-2023"], var.system)
    error_message = "Expected debian-12, ubuntu-22.04, ubuntu-24.04 or amazon-2023."
  }
}

variable "architecture" {
  type        = string
  default     = "x86_64"
  description = "`x86_64` or `arm64`."
  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "Expected x86_64 or arm64."
  }
}

variable "consul_version" {
  type        = string
  default     = "1.16.4"
  description = "Version of Consul."
  validation {
    condition     = var.consul_version != "" && regex_replace(var.consul_version, "^[0-9]+\\.[0-9]+\\.[0-9]+(\\+ent)?$", "") == ""
    error_message = "Expected a version like 1.16.4."
  }
}

variable "nomad_version" {
  type        = string
  default     = "1.6.5"
  description = "Version of Nomad."
  validation {
    condition     = var.nomad_version != "" && regex_replace(var.nomad_version, "^[0-9]+\\.[0-9]+\\.[0-9]+(\\+ent)?$", "") == ""
    error_message = "Expected a version like 1.6.5."
  }
}

variable "cni_version" {
  type        = string
  default     = "1.3.0"
  description = "Version of the CNI plugins on Amazon Linux; Debian and Ubuntu have a package."
}

variable "cni_sha256" {
  type = map(string)
  default = {
    x86_64 = "754a71ed60a4bd08726c3af705a7d55ee3df03122b12e389fdba4bea35d7dd7e"
    arm64  = "de7a666fd6ad83a228086bd55756db62ef335a193d1b143d910b69f079e30598"
  }
  description = "SHA-256 of their archives."
}

variable "ssm_agent_version" {
  type        = string
  default     = ""
  description = "Version of the SSM agent on Debian, such as 3.3.987.0. Empty: none. The other systems have it."
}

variable "package_versions" {
  type        = map(string)
  default     = {}
  description = "Versions of packages of the distribution, by name. Others are as new as its archive."
}

variable "extra_packages" {
  type        = list(string)
  default     = []
  description = "Further packages of the distribution."
}

variable "build_time" {
  type        = string
  default     = ""
  description = "Time of the build by RFC 3339, for builds that can be repeated. Empty: now."
}

# Where it comes from.
variable "files" {
  type        = string
  default     = ""
  description = "Directory with the vendors' keyrings and with what is not downloaded. Empty: packer/files."
}

variable "air_gapped" {
  type        = bool
  default     = false
  description = "Downloads nothing: what is not in `files` fails the build."
}

variable "download_urls" {
  type = object({ hashicorp = string, cni = string, ssm_agent = string })
  default = {
    hashicorp = "https://releases.hashicorp.com"
    cni       = "https://github.com/containernetworking/plugins/releases/download"
    ssm_agent = "https://s3.us-east-1.amazonaws.com/amazon-ssm-us-east-1"
  }
  description = "Where archives are downloaded: the vendors, or mirrors with the same paths."
}

# AWS.
variable "region" {
  type        = string
  default     = "eu-central-1"
  description = "Region of the build."
}

variable "subnet_id" {
  type        = string
  default     = ""
  description = "Subnet of the build. Empty: the default VPC."
}

variable "security_group_id" {
  type        = string
  default     = ""
  description = "Security group of the build. Empty: one for this build, open for SSH to `ssh_source_cidrs`."
}

variable "ssh_source_cidrs" {
  type        = list(string)
  default     = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]
  description = "Who may connect by SSH during the build."
}

variable "instance_type" {
  type        = string
  default     = ""
  description = "Instance type of the build. Empty: t3.small or t4g.small."
}

variable "iam_instance_profile" {
  type        = string
  default     = ""
  description = "Instance profile of the build. The session manager needs one with its permissions."
}

variable "ssh_interface" {
  type        = string
  default     = ""
  description = "`private_ip`, `public_ip` or `session_manager`. Empty: `session_manager`, but `private_ip` for Debian, whose AMI has no SSM agent."
}

variable "source_ami_name" {
  type        = string
  default     = ""
  description = "Name of the source AMI, to pin it. Empty: the newest of the system."
}

variable "source_ami_owner" {
  type        = string
  default     = ""
  description = "Account of the source AMI. Empty: the vendor of the system; China and GovCloud have others."
}

variable "kms_key_id" {
  type        = string
  default     = ""
  description = "KMS key of the AMI, which is always encrypted. Empty: the account's default key, which cannot be shared."
}

variable "ami_users" {
  type        = list(string)
  default     = []
  description = "Accounts that may launch the AMI. Needs `kms_key_id`."
}

variable "ami_regions" {
  type        = map(string)
  default     = {}
  description = "Further regions that get a copy: region = KMS key there, or empty for the default key."
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Further tags of the AMI and its snapshots."
}

variable "endpoint" {
  type        = string
  default     = ""
  description = "Endpoint of EC2, such as that of a VPC endpoint. Empty: AWS's."
}

# The way in, and the way out.
variable "ssh_username" {
  type        = string
  default     = ""
  description = "User of the build, with sudo without a password. Empty: that of the system's AMI."
}

variable "ssh_keypair_name" {
  type        = string
  default     = ""
  description = "Key pair of EC2, with `ssh_private_key_file`. Empty: one for this build."
}

variable "ssh_private_key_file" {
  type        = string
  default     = ""
  description = "Private key of the build."
}

variable "rehearsal_host" {
  type        = string
  default     = ""
  description = "Address of a machine that is made an image instead, without AWS."
}

variable "rehearsal_port" {
  type        = number
  default     = 22
  description = "Port of SSH there."
}

variable "output" {
  type        = string
  default     = "."
  description = "Directory for cos-manifest.json and cos-amis.auto.tfvars.json."
}
