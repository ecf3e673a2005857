# A service in each of the four client datacenters that says where it runs, and finds its peers by Consul:
# /ping answers itself, /ping/private-services asks the one there.

variable "image" {
  type        = string
  description = "HAProxy 2.6 or newer in ECR, such as 123456789012.dkr.ecr.eu-central-1.amazonaws.com/demo/haproxy:2.6.12."
}

job "ping" {
  datacenters = ["backoffice", "public-services", "private-services", "content-connector"]

  group "ping" {
    count = 4

    # One in each datacenter.
    constraint {
      distinct_property = "${node.datacenter}"
    }

    network {
      port "http" { to = 8080 }
    }

    service {
      name = "ping"
      port = "http"
      # The first is for ingress.nomad.hcl, the second for fabio, the third for its peers.
      tags = ["public", "urlprefix-/ping", "${node.datacenter}"]
      check {
        type     = "http"
        path     = "/ping"
        interval = "5s"
        timeout  = "2s"
      }
    }

    task "ping" {
      driver = "docker"

      config {
        image      = var.image
        entrypoint = ["haproxy"]
        args       = ["-W", "-db", "-f", "/local/haproxy.cfg"]
        ports      = ["http"]
      }

      env {
        NODE = "${node.unique.name}"
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

          # In a container it is the link of the node: 169.254.53.53.
          resolvers consul
            parse-resolv-conf
            accepted_payload_size 4096
            timeout resolve 1s
            hold valid 1s

          frontend ping
            bind :8080
          {{- range $datacenter := "backoffice public-services private-services content-connector" | split " " }}
            use_backend {{ $datacenter }} if { path /ping/{{ $datacenter }} }
          {{- end }}
            http-request return status 200 content-type text/plain lf-string "%[env(NOMAD_DC)] on %[env(NODE)]\n" if { path /ping }
            http-request return status 404 if !{ path_beg /ping/ }
          {{ range $datacenter := "backoffice public-services private-services content-connector" | split " " }}
          backend {{ $datacenter }}
            http-request set-path /ping
            server-template peer 1-3 _ping._{{ $datacenter }}.service.consul resolvers consul resolve-prefer ipv4 init-addr none
          {{ end }}
        EOF
      }
    }
  }
}
