module cos-agent/tests/tools/netaddrs

go 1.24.7

require github.com/hashicorp/go-netaddrs v0.1.0 // indirect

tool github.com/hashicorp/go-netaddrs/cmd/netaddrs
