#!/usr/bin/env bash
# Makes the certificate authority of the site (`ca.pem`, `ca.key`) and the certificate of AWS (`aws.pem`, `aws.key`), once, and
# prints the directory that holds them. Kept in ${COS_CACHE:-~/.cache/cos-agent}.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck disable=SC1091 # another directory
. ../../tools/logged.sh
cache=${COS_CACHE:-$HOME/.cache/cos-agent}/lab
region=eu-central-1
account=123456789012

mkdir -p "$cache"
# Labs that start side by side have one.
exec 9>"$cache/lock"
flock 9
made=$cache/site-$(sha256sum site.sh | cut -c1-12)
if [ -d "$made" ]; then
  echo "$made"
  exit
fi

new=$cache/new-site
rm -rf "$new"
mkdir "$new"
make() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/CN=COS lab" \
    -addext keyUsage=critical,keyCertSign,cRLSign -keyout "$new/ca.key" -out "$new/ca.pem"
  names="DNS:$account.dkr.ecr.$region.amazonaws.com,DNS:sts.amazonaws.com,DNS:iam.amazonaws.com,DNS:registry.site.internal"
  names+=",DNS:prod-$region-starport-layer-bucket.s3.$region.amazonaws.com"
  for service in autoscaling ec2 ecr secretsmanager ssm sts api.ecr; do
    names+=",DNS:$service.$region.amazonaws.com,DNS:$service.$region.api.aws"
  done
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=AWS of the lab" \
    -keyout "$new/aws.key" -out "$new/aws.csr"
  printf '%s\n' "subjectAltName=$names,IP:10.20.0.2,IP:10.20.0.3" authorityKeyIdentifier=keyid basicConstraints=CA:false \
    extendedKeyUsage=serverAuth >"$new/aws.ext"
  openssl x509 -req -in "$new/aws.csr" -CA "$new/ca.pem" -CAkey "$new/ca.key" -CAcreateserial -days 3650 \
    -extfile "$new/aws.ext" -out "$new/aws.pem"
}
logged "$cache/site.log" "make the certificates of the site" make
mv "$new" "$made"
echo "$made"
