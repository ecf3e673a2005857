# The metrics of Nomad and Consul on every client, for Prometheus. Their APIs stay on loopback; this serves two paths of them at the
# private address and refuses all others.

variable "image" {
  type        = string
  description = "HAProxy 2.6 or newer in ECR, such as 123456789012.dkr.ecr.eu-central-1.amazonaws.com/demo/haproxy:2.6.12."
}

job "metrics" {
  datacenters = ["backoffice", "public-services", "private-services", "content-connector"]
  type        = "system"
  # What watches the others goes before them.
  priority = 90

  group "metrics" {
    network {
      # Nomad gives it a port of the tasks, which clients reach on each other.
      port "metrics" {}
    }

    service {
      name = "metrics"
      port = "metrics"
      check {
        type     = "http"
        path     = "/v1/metrics"
        interval = "10s"
        timeout  = "2s"
      }
    }

    task "haproxy" {
      driver = "docker"

      config {
        image = var.image
        # The loopback of the node is where the APIs are.
        network_mode = "host"
        entrypoint   = ["haproxy"]
        args         = ["-W", "-db", "-f", "/local/haproxy.cfg"]
      }

      resources {
        cpu    = 50
        memory = 64
      }

      template {
        destination = "local/haproxy.cfg"
        data        = <<-EOF
          global
            maxconn 256

          defaults
            mode http
            timeout connect 1s
            timeout client 10s
            timeout server 10s

          frontend metrics
            bind {{ env "NOMAD_ADDR_metrics" }}
            http-request return status 405 unless METH_GET
            http-request return status 404 unless { path /v1/metrics /v1/agent/metrics }
            http-request set-query format=prometheus
            use_backend consul if { path /v1/agent/metrics }
            default_backend nomad

          backend nomad
            server nomad 127.0.0.1:4646

          backend consul
            server consul 127.0.0.1:8500
        EOF
      }
    }
  }
}
