# refused: aws_iam_role.name_prefix: expected 1 to 38 characters, found 39
resource "aws_iam_role" "prefix" {
  name_prefix        = "a-prefix-that-has-more-than-38-letters-"
  assume_role_policy = local.trust
}

# refused: aws_iam_role.name: expected 1 to 64 characters
resource "aws_iam_role" "name" {
  name               = "a-name-that-has-more-than-the-64-letters-that-the-api-of-iam-takes"
  assume_role_policy = local.trust
}

# refused: aws_iam_role: expected at most one of name, name_prefix
resource "aws_iam_role" "two_names" {
  name               = "name"
  name_prefix        = "name-"
  assume_role_policy = local.trust
}

# refused: aws_iam_role.assume_role_policy: expected a policy in JSON
resource "aws_iam_role" "no_json" {
  assume_role_policy = "{"
}

# refused: statement 1 "": expected Principal or NotPrincipal
resource "aws_iam_role" "no_principal" {
  assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole" }] })
}

# refused: statement 1 "": expected Resource or NotResource
resource "aws_iam_role_policy" "no_resource" {
  role   = "role"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "ec2:DescribeTags" }] })
}

# refused: expected an action such as ec2:DescribeInstances, found "DescribeTags"
resource "aws_iam_policy" "action" {
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "DescribeTags", Resource = "*" }] })
}

# refused: expected the Effect Allow or Deny, found allow
resource "aws_iam_policy" "effect" {
  policy = jsonencode({ Statement = [{ Effect = "allow", Action = "ec2:DescribeTags", Resource = "*" }] })
}

# refused: expected a Resource that is an ARN or *, found "vpc-1"
resource "aws_iam_policy" "resource" {
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "ec2:DescribeTags", Resource = "vpc-1" }] })
}

# refused: unknown element "Actions"
resource "aws_iam_policy" "element" {
  policy = jsonencode({ Statement = [{ Effect = "Allow", Actions = "ec2:DescribeTags", Resource = "*" }] })
}

# refused: aws_iam_policy.policy: expected a policy of at most 6144 characters
resource "aws_iam_policy" "too_long" {
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "*", Resource = [for index in range(200) : "arn:aws:s3:::a-bucket-with-a-long-name-${index}"] }] })
}

# refused: aws_iam_role_policy_attachment.policy_arn: expected an ARN
resource "aws_iam_role_policy_attachment" "name" {
  role       = "role"
  policy_arn = "ReadOnlyAccess"
}

# refused: aws_iam_role_policy_attachment.role: expected letters, digits and _+=,.@-
resource "aws_iam_role_policy_attachment" "arn" {
  role       = "arn:aws:iam::123456789012:role/a"
  policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
}

# refused: aws_kms_key.deletion_window_in_days: expected 7 to 30, found 5
resource "aws_kms_key" "window" {
  deletion_window_in_days = 5
}

# refused: aws_kms_alias.name: expected a name such as alias/cos
resource "aws_kms_alias" "name" {
  name          = "cos"
  target_key_id = "11111111-2222-3333-4444-555555555555"
}

# refused: aws_ssm_parameter: expected exactly one of value, insecure_value, value_wo, found 0
resource "aws_ssm_parameter" "no_value" {
  name = "/cos/a"
  type = "String"
}

# refused: aws_ssm_parameter.name: expected a name such as /cos/image
resource "aws_ssm_parameter" "slash" {
  name  = "cos/a"
  type  = "String"
  value = "a"
}

# refused: aws_ssm_parameter.name: expected a name that does not begin with aws or ssm
resource "aws_ssm_parameter" "reserved" {
  name  = "/aws/a"
  type  = "String"
  value = "a"
}

# refused: aws_ssm_parameter: expected value_wo_version beside value_wo
resource "aws_ssm_parameter" "no_version" {
  name     = "/cos/a"
  type     = "SecureString"
  value_wo = "secret"
}
