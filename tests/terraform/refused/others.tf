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
