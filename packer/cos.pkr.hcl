# One system and one architecture a build. `rehearsal_host` selects the machine instead of AWS; what is done is the same.

locals {
  # The trailing digit keeps out Debian's daily images. Ubuntu, Amazon Linux and arm64 were not tried.
  systems = {
    "debian-12" = {
      owner     = "136693071363"
      ami       = { x86_64 = "debian-12-amd64-2*", arm64 = "debian-12-arm64-2*" }
      user      = "admin"
      interface = "private_ip"
    }
    "ubuntu-22.04" = {
      owner     = "099720109477"
      ami       = { x86_64 = "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-*", arm64 = "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-arm64-server-*" }
      user      = "ubuntu"
      interface = "session_manager"
    }
    "ubuntu-24.04" = {
      owner     = "099720109477"
      ami       = { x86_64 = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*", arm64 = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-arm64-server-*" }
      user      = "ubuntu"
      interface = "session_manager"
    }
    "amazon-2023" = {
      owner     = "137112412989"
      ami       = { x86_64 = "al2023-ami-2023.*-kernel-6.1-x86_64", arm64 = "al2023-ami-2023.*-kernel-6.1-arm64" }
      user      = "ec2-user"
      interface = "session_manager"
    }
  }
  system     = local.systems[var.system]
  user       = var.ssh_username != "" ? var.ssh_username : local.system.user
  files      = var.files != "" ? var.files : "${path.root}/files"
  build_time = var.build_time != "" ? var.build_time : timestamp()
  built      = formatdate("YYYYMMDD-hhmmss", local.build_time)
  name       = "cos-${var.cos_agent_version}-${var.system}-${var.architecture}-consul-${local.consul}-nomad-${local.nomad}-${local.built}"
  # Names of AMIs have no plus sign.
  consul = replace(var.consul_version, "+", "-")
  nomad  = replace(var.nomad_version, "+", "-")
  tags = {
    "Name"                 = local.name
    "cos:ami"              = "true"
    "cos:system"           = var.system
    "cos:architecture"     = var.architecture
    "cos:cos-agent"        = var.cos_agent_version
    "cos:cos-agent-sha256" = var.cos_agent_sha256
    "cos:consul"           = var.consul_version
    "cos:nomad"            = var.nomad_version
    "cos:built"            = local.build_time
    "cos:source-ami"       = "{{ .SourceAMI }}"
    "cos:source-ami-name"  = "{{ .SourceAMIName }}"
  }
  # A disk: on most machines /tmp is small, or in memory.
  stage = "/var/tmp/cos-build"
}

source "amazon-ebs" "cos" {
  region              = var.region
  custom_endpoint_ec2 = var.endpoint
  source_ami_filter {
    owners      = [var.source_ami_owner != "" ? var.source_ami_owner : local.system.owner]
    most_recent = true
    filters = {
      name                = var.source_ami_name != "" ? var.source_ami_name : local.system.ami[var.architecture]
      architecture        = var.architecture
      root-device-type    = "ebs"
      virtualization-type = "hvm"
    }
  }

  instance_type        = var.instance_type != "" ? var.instance_type : (var.architecture == "arm64" ? "t4g.small" : "t3.small")
  iam_instance_profile = var.iam_instance_profile
  subnet_id            = var.subnet_id
  security_group_id    = var.security_group_id
  # The policy of the builder lets it stop and end what has this tag.
  run_tags        = { "Name" = "build of ${local.name}", "cos-build" = "true" }
  run_volume_tags = { "Name" = "build of ${local.name}", "cos-build" = "true" }
  # The build instance: IMDSv2 alone. Not tried.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  ssh_username                          = local.user
  ssh_interface                         = var.ssh_interface != "" ? var.ssh_interface : local.system.interface # session_manager: not tried
  ssh_keypair_name                      = var.ssh_keypair_name
  ssh_private_key_file                  = var.ssh_private_key_file
  temporary_key_pair_type               = "ed25519"
  temporary_security_group_source_cidrs = var.ssh_source_cidrs

  ami_name           = local.name
  ami_description    = "COS node: cos-agent ${var.cos_agent_version}, Consul ${var.consul_version}, Nomad ${var.nomad_version} on ${var.system}, ${var.architecture}"
  imds_support       = "v2.0" # The image: IMDSv2 alone. Not tried.
  encrypt_boot       = true
  kms_key_id         = var.kms_key_id
  ami_users          = var.ami_users
  ami_regions        = keys(var.ami_regions)
  region_kms_key_ids = var.ami_regions
  tags               = merge(var.tags, local.tags)
  snapshot_tags      = merge(var.tags, local.tags)
}

source "null" "rehearsal" {
  ssh_host             = var.rehearsal_host
  ssh_port             = var.rehearsal_port
  ssh_username         = local.user
  ssh_private_key_file = var.ssh_private_key_file
}

build {
  # Not `-only`: what it does not match, Packer leaves out without an error.
  dynamic "source" {
    for_each = [var.rehearsal_host == "" ? "amazon-ebs.cos" : "null.rehearsal"]
    iterator = chosen
    labels   = [chosen.value]
    content {}
  }

  provisioner "shell" {
    inline = ["sudo -n rm -rf ${local.stage}", "install -d -m 700 ${local.stage} ${local.stage}/files"]
  }
  provisioner "file" {
    source      = "${path.root}/scripts"
    destination = local.stage
  }
  provisioner "file" {
    source      = "${local.files}/"
    destination = "${local.stage}/files"
  }
  provisioner "file" {
    source      = var.cos_agent
    destination = "${local.stage}/cos-agent"
  }
  provisioner "shell" {
    execute_command = "chmod +x {{ .Path }}; sudo -n env {{ .Vars }} {{ .Path }}"
    inline          = ["exec bash ${local.stage}/scripts/build"]
    environment_vars = [
      "SYSTEM=${var.system}",
      "ARCHITECTURE=${var.architecture == "arm64" ? "arm64" : "amd64"}",
      "CONSUL_VERSION=${var.consul_version}",
      "NOMAD_VERSION=${var.nomad_version}",
      "CNI_VERSION=${var.cni_version}",
      "CNI_SHA256=${var.cni_sha256[var.architecture]}",
      "SSM_AGENT_VERSION=${var.ssm_agent_version}",
      "PACKAGE_VERSIONS=${join(" ", [for name, version in var.package_versions : "${name}=${version}"])}",
      "EXTRA_PACKAGES=${join(" ", var.extra_packages)}",
      "HASHICORP_URL=${var.download_urls.hashicorp}",
      "CNI_URL=${var.download_urls.cni}",
      "SSM_AGENT_URL=${var.download_urls.ssm_agent}",
      "AIR_GAPPED=${var.air_gapped}",
      "AGENT_VERSION=${var.cos_agent_version}",
      "AGENT_SHA256=${var.cos_agent_sha256}",
      "BUILD_TIME=${local.build_time}",
    ]
  }
  # Last, and in one root shell: `clean` removes the way in, so nobody may connect after it. The doctor's verdict is that
  # of the build.
  provisioner "shell" {
    execute_command = "chmod +x {{ .Path }}; sudo -n {{ .Path }}"
    inline          = ["cos-agent clean", "cos-agent doctor --image"]
  }

  post-processors {
    post-processor "manifest" {
      output     = "${var.output}/cos-manifest.json"
      strip_path = true
      custom_data = {
        name             = local.name
        system           = var.system
        architecture     = var.architecture
        cos_agent        = var.cos_agent_version
        cos_agent_sha256 = var.cos_agent_sha256
        consul           = var.consul_version
        nomad            = var.nomad_version
        built            = local.build_time
      }
    }
    post-processor "shell-local" {
      only   = ["amazon-ebs.cos"]
      script = "${path.root}/scripts/ami-tfvars"
      environment_vars = [
        "MANIFEST=${var.output}/cos-manifest.json",
        "TFVARS=${var.output}/cos-amis.auto.tfvars.json",
        "REGION=${var.region}",
      ]
    }
  }
}
