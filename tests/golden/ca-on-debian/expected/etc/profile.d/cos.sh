export CONSUL_HTTP_ADDR=http://127.0.0.1:8500
export CONSUL_CACERT=/etc/ssl/certs/ca-certificates.crt
export NOMAD_ADDR=http://127.0.0.1:4646
export NOMAD_CACERT=/etc/ssl/certs/ca-certificates.crt
