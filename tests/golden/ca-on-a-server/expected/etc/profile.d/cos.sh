export CONSUL_HTTP_ADDR=http://127.0.0.1:8500
export CONSUL_CACERT=/etc/pki/tls/certs/ca-bundle.crt
