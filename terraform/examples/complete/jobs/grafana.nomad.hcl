# Grafana in backoffice, with one dashboard of the cluster. Run it from this directory, because it reads dashboard.json. Nothing of it
# lasts: what it shows is in Prometheus, and the dashboard is here.

variable "image" {
  type        = string
  description = "Grafana in ECR, such as 123456789012.dkr.ecr.eu-central-1.amazonaws.com/demo/grafana:11.2.0."
}

job "grafana" {
  datacenters = ["backoffice"]

  group "grafana" {
    network {
      port "http" { to = 3000 }
    }

    service {
      name = "grafana"
      port = "http"
      check {
        type     = "http"
        path     = "/api/health"
        interval = "10s"
        timeout  = "2s"
      }
    }

    task "grafana" {
      driver = "docker"

      config {
        image = var.image
        ports = ["http"]
      }

      # Whoever reaches it may look. Nobody may sign in, because an administrator could make it ask the API of Nomad.
      env {
        GF_AUTH_ANONYMOUS_ENABLED                  = "true"
        GF_AUTH_BASIC_ENABLED                      = "false"
        GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION = "true"
        GF_AUTH_DISABLE_LOGIN_FORM                 = "true"
        GF_PATHS_PROVISIONING                      = "/local"
        GF_ANALYTICS_REPORTING_ENABLED             = "false"
        GF_ANALYTICS_CHECK_FOR_UPDATES             = "false"
        GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH  = "/local/dashboard.json"
      }

      resources {
        cpu    = 200
        memory = 512
      }

      # Rendered again when Prometheus moves.
      template {
        destination = "local/datasources/prometheus.yml"
        data        = <<-EOF
          apiVersion: 1
          datasources:
          {{- range service "prometheus" }}
            - { name: Prometheus, uid: prometheus, type: prometheus, access: proxy, isDefault: true, url: "http://{{ .Address }}:{{ .Port }}" }
          {{- end }}
        EOF
      }

      template {
        destination     = "local/dashboard.json"
        left_delimiter  = "[["
        right_delimiter = "]]"
        data            = file("dashboard.json")
      }
    }
  }
}
