# Prometheus in backoffice, the one datacenter that may ask the servers. It asks what Consul has: the servers themselves, and
# metrics.nomad.hcl on each client.

variable "image" {
  type        = string
  description = "Prometheus 2.42 or newer in ECR, such as 123456789012.dkr.ecr.eu-central-1.amazonaws.com/demo/prometheus:v2.42.0."
}

variable "interval" {
  type        = string
  default     = "15s"
  description = "How often Prometheus asks."
}

job "prometheus" {
  datacenters = ["backoffice"]

  group "prometheus" {
    # What it has recorded moves with it as far as Nomad can. Mount a volume of your own if it must not get lost.
    ephemeral_disk {
      size    = 2048
      sticky  = true
      migrate = true
    }

    network {
      port "http" { to = 9090 }
    }

    service {
      name = "prometheus"
      port = "http"
      check {
        type     = "http"
        path     = "/-/ready"
        interval = "10s"
        timeout  = "2s"
      }
    }

    task "prometheus" {
      driver = "docker"

      config {
        image      = var.image
        entrypoint = ["prometheus"]
        args = [
          "--config.file=/local/prometheus.yml",
          "--storage.tsdb.path=/alloc/data",
          "--storage.tsdb.retention.size=1GB",
        ]
        ports = ["http"]
      }

      resources {
        cpu    = 300
        memory = 512
      }

      template {
        destination   = "local/prometheus.yml"
        change_mode   = "signal"
        change_signal = "SIGHUP"
        data          = <<-EOF
          global:
            scrape_interval: ${var.interval}
            evaluation_interval: ${var.interval}
          rule_files: [/local/rules.yml]
          scrape_configs:
            - job_name: cos
              file_sd_configs: [{ files: [/local/targets.yml] }]
        EOF
      }

      # Prometheus reads it again by itself. `any`: a node that has failed is a target too, or nobody would miss it.
      template {
        destination = "local/targets.yml"
        change_mode = "noop"
        data        = <<-EOF
          {{- range service "consul|any" }}
          - targets: ["{{ .Address }}:8500"]
            labels: { job: consul-servers, node: "{{ .Node }}", __metrics_path__: /v1/agent/metrics, __param_format: prometheus }
          {{- end }}
          {{- range service "http.nomad|any" }}
          - targets: ["{{ .Address }}:{{ .Port }}"]
            labels: { job: nomad-servers, node: "{{ .Node }}", __metrics_path__: /v1/metrics, __param_format: prometheus }
          {{- end }}
          {{- range service "metrics|any" }}
          - targets: ["{{ .Address }}:{{ .Port }}"]
            labels: { job: nomad-clients, node: "{{ .Node }}", __metrics_path__: /v1/metrics }
          - targets: ["{{ .Address }}:{{ .Port }}"]
            labels: { job: consul-clients, node: "{{ .Node }}", __metrics_path__: /v1/agent/metrics }
          {{- end }}
        EOF
      }

      template {
        destination     = "local/rules.yml"
        change_mode     = "signal"
        change_signal   = "SIGHUP"
        left_delimiter  = "[["
        right_delimiter = "]]"
        data            = <<-EOF
          groups:
            - name: cos
              rules:
                - alert: NodeSilent
                  expr: min by (node) (up) == 0
                  for: 30s
                  annotations:
                    summary: "Consul or Nomad on {{ $labels.node }} does not answer: run `cos-agent doctor` there, or `consul force-leave` if it is gone for good"
                - alert: ConsulWithoutLeader
                  expr: sum(consul_server_isLeader) == 0
                  for: 30s
                  annotations:
                    summary: "Consul has no leader; run `cos-agent doctor` on its servers"
        EOF
      }
    }
  }
}
