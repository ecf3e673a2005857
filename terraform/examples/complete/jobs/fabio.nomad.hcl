# The other way in: fabio in the place of ingress.nomad.hcl, at the same ports. It asks the Consul agent of its node, and sends
# requests to services whose tags say so: `urlprefix-/ping`.

variable "image" {
  type        = string
  description = "fabio 1.6 or newer in ECR, such as 123456789012.dkr.ecr.eu-central-1.amazonaws.com/demo/fabio:1.6.3."
}

job "fabio" {
  datacenters = ["public-services"]
  type        = "system"

  update {
    max_parallel = 1
    stagger      = "30s"
  }


  group "fabio" {
    network {
      port "http" { static = 9999 }
      port "health" { static = 9998 }
    }

    # fabio registers itself.
    task "fabio" {
      driver = "docker"

      config {
        image        = var.image
        network_mode = "host"
        args = [
          "-registry.consul.addr", "127.0.0.1:8500",
          "-registry.consul.register.addr", "${NOMAD_ADDR_health}",
          "-proxy.addr", ":9999",
          "-ui.addr", ":9998",
          # Whoever reaches this port may look, and change nothing.
          "-ui.access", "ro",
        ]
      }

      resources {
        cpu    = 200
        memory = 128
      }
    }
  }
}
