# refused: aws_acm_certificate.domain_name: expected a name such as example.com
resource "aws_acm_certificate" "domain" {
  domain_name       = "example_1.com"
  validation_method = "DNS"
}

# refused: aws_acm_certificate: expected certificate_body beside private_key
resource "aws_acm_certificate" "no_body" {
  private_key = "-----BEGIN PRIVATE KEY-----"
}

# refused: aws_acm_certificate: expected no validation_method beside private_key
resource "aws_acm_certificate" "validated" {
  certificate_body  = "-----BEGIN CERTIFICATE-----"
  private_key       = "-----BEGIN PRIVATE KEY-----"
  validation_method = "DNS"
}

# refused: aws_acm_certificate.private_key: expected PEM
resource "aws_acm_certificate" "key" {
  certificate_body = "-----BEGIN CERTIFICATE-----"
  private_key      = "key.pem"
}

# refused: aws_cloudwatch_log_group.retention_in_days: expected one of [0 1 3 5 7
resource "aws_cloudwatch_log_group" "retention" {
  name              = "/cos/a"
  retention_in_days = 10
}

# refused: aws_sns_topic.name: expected at most 256 letters
resource "aws_sns_topic" "name" {
  name = "cos.alarms"
}

# refused: aws_s3_bucket.bucket: expected lower case
resource "aws_s3_bucket" "name" {
  bucket = "Cos"
}
