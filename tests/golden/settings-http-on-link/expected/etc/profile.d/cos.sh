export CONSUL_HTTP_ADDR=http://127.0.0.1:8500
export NOMAD_ADDR=http://127.0.0.1:4646
