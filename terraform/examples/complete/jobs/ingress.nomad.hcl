# The way in: HAProxy on every client of public-services. The load balancer sends it all requests at port 9999, and asks port 9998
# whether it is well. Each service in Consul with the tag `public` is reached at the path of its name: /ping, /ping/…

variable "image" {
  type        = string
  description = "HAProxy 2.6 or newer in ECR, such as 123456789012.dkr.ecr.eu-central-1.amazonaws.com/demo/haproxy:2.6.12."
}

job "ingress" {
  datacenters = ["public-services"]
  type        = "system"

  # One node after the other, or a new image would close the way in.
  update {
    max_parallel = 1
    stagger      = "30s"
  }

  group "ingress" {
    network {
      port "http" { static = 9999 }
      port "health" { static = 9998 }
    }

    service {
      name = "ingress"
      port = "http"
      check {
        type     = "http"
        port     = "health"
        path     = "/health"
        interval = "10s"
        timeout  = "2s"
      }
    }

    task "haproxy" {
      driver = "docker"

      config {
        image = var.image
        # The address of the node, without a translation in between.
        network_mode = "host"
        entrypoint   = ["haproxy"]
        args         = ["-W", "-db", "-f", "/local/haproxy.cfg"]
      }

      resources {
        cpu    = 200
        memory = 128
      }

      # Rendered again when a service begins or ends; instances come and go by DNS.
      template {
        destination   = "local/haproxy.cfg"
        change_mode   = "signal"
        change_signal = "SIGUSR2"
        data          = <<-EOF
          # Without a limit HAProxy takes memory for as many connections as docker allows files: a thousand million.
          global
            log stdout format raw local0 info
            maxconn 4096

          defaults
            log global
            mode http
            option httplog
            option redispatch
            retries 3
            retry-on conn-failure empty-response
            timeout connect 1s
            timeout client 30s
            timeout server 30s

          # The resolver of the node, which asks Consul for .consul.
          resolvers consul
            parse-resolv-conf
            accepted_payload_size 4096
            timeout resolve 1s
            hold valid 1s
            hold nx 5s

          frontend health
            bind :9998
            http-request return status 200 content-type text/plain string "ok\n" if { path /health }
            http-request return status 404

          frontend http
            bind :9999
            # What changes something is not sent a second time.
            http-request disable-l7-retry unless METH_GET
            http-response set-header X-Served-By %s
          {{- range services }}{{ if .Tags | contains "public" }}
            use_backend {{ .Name }} if { path /{{ .Name }} } || { path_beg /{{ .Name }}/ }
          {{- end }}{{ end }}
            default_backend nothing

          backend nothing
            http-request return status 404 content-type text/plain string "no such service\n"
          {{ range services }}{{ if .Tags | contains "public" }}
          backend {{ .Name }}
            balance leastconn
            server-template {{ .Name }} 1-20 _{{ .Name }}._tcp.service.consul resolvers consul resolve-prefer ipv4 init-addr none check inter 2s
          {{ end }}{{ end }}
        EOF
      }
    }
  }
}
