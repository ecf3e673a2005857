module cos-agent/tests/tools/hclkeys

go 1.24.7

require github.com/hashicorp/hcl v1.0.0
