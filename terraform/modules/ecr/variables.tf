variable "name" {
  type        = string
  description = "Name of the cluster."
  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$", var.name))
    error_message = "Expected 1 to 32 lower-case letters, digits and inner hyphens, such as demo."
  }
  validation {
    condition     = !strcontains(var.name, "--")
    error_message = "Expected single hyphens in the name of the cluster: it is part of the names of repositories, and ECR takes no two together."
  }
}

variable "repositories" {
  type        = set(string)
  default     = []
  description = "The repositories: `web` is `NAME/web`."
  validation {
    condition     = alltrue([for name in var.repositories : length(name) <= 200 && can(regex("^([a-z0-9]+([._-][a-z0-9]+)*/)*[a-z0-9]+([._-][a-z0-9]+)*$", name))])
    error_message = "Expected names in lower case such as web or team/web, with single separators and without the name of the cluster."
  }
}

variable "keep_tagged" {
  type        = number
  default     = 30
  description = "How many images with a tag a repository keeps. An older one goes, also if a job still names it."
  validation {
    condition     = var.keep_tagged >= 1 && floor(var.keep_tagged) == var.keep_tagged
    error_message = "Expected a number of images from 1."
  }
}

variable "untagged_days" {
  type        = number
  default     = 7
  description = "After how many days images without a tag go."
  validation {
    condition     = var.untagged_days >= 1 && floor(var.untagged_days) == var.untagged_days
    error_message = "Expected a number of days from 1."
  }
}

variable "kms_key_arn" {
  type        = string
  default     = null
  description = "KMS key of the repositories. Null: AWS's own. Another one later replaces the repositories."
}

variable "pull_through" {
  type        = map(object({ registry = string, credential_arn = optional(string) }))
  default     = {}
  description = "Registries that ECR caches below `NAME/KEY/`: the host, and the secret of Secrets Manager with its credentials."
  validation {
    condition     = alltrue([for name in keys(var.pull_through) : can(regex("^[a-z0-9]+([._-][a-z0-9]+)*$", name)) && length("${var.name}/${name}") <= 30])
    error_message = "Expected keys in lower case such as quay, which have at most 30 characters together with the name of the cluster."
  }
  validation {
    condition     = alltrue([for cache in values(var.pull_through) : can(regex("^[a-z0-9.-]+\\.[a-z]+$", cache.registry))])
    error_message = "Expected hosts of registries such as quay.io, without a scheme and a path."
  }
  validation {
    condition     = alltrue([for cache in values(var.pull_through) : contains(["quay.io", "registry.k8s.io", "public.ecr.aws"], cache.registry) || cache.credential_arn != null || can(regex("\\.dkr\\.ecr\\.", cache.registry))])
    error_message = "Expected credential_arn: ECR caches only quay.io, registry.k8s.io, public.ecr.aws and other registries in ECR without credentials."
  }
  validation {
    condition     = alltrue([for cache in values(var.pull_through) : try(cache.credential_arn == null || can(regex(":secretsmanager:.*:secret:ecr-pullthroughcache/", cache.credential_arn)), false)])
    error_message = "Expected the ARN of a secret whose name begins with ecr-pullthroughcache/: ECR reads no others."
  }
  validation {
    condition     = length(setintersection(keys(var.pull_through), [for name in var.repositories : split("/", name)[0]])) == 0
    error_message = "Expected keys that no repository begins with: what is below them is the cache's."
  }
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of everything."
}
