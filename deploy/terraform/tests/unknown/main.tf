# A caller that makes everything in one run: the ARNs that it gives to the module are known after apply only.
terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

resource "aws_sfn_state_machine" "orders" {
  name       = "orders"
  role_arn   = aws_iam_role.publisher.arn
  definition = "{}"
}

resource "aws_iam_role" "publisher" {
  name               = "publisher"
  assume_role_policy = "{}"
}

resource "aws_kms_key" "table" {
}

resource "aws_sns_topic" "on_call" {
  name = "on-call"
}

module "approvals" {
  source = "../.."

  name                 = "orders"
  state_machine_arns   = [aws_sfn_state_machine.orders.arn]
  timed_out_alarms     = { orders = aws_sfn_state_machine.orders.arn }
  publisher_arns       = [aws_iam_role.publisher.arn]
  table                = true
  table_kms_key_arn    = aws_kms_key.table.arn
  decrypt_kms_key_arns = [aws_kms_key.table.arn]
  secret_arns          = [aws_sns_topic.on_call.arn]
  alarm_actions        = [aws_sns_topic.on_call.arn]
}

resource "aws_rds_cluster" "orders" {
  engine = "aurora-postgresql"
}

module "database" {
  source = "../.."

  name               = "returns"
  state_machine_arns = [aws_sfn_state_machine.orders.arn]
  postgres = {
    url      = "postgres://relay@${aws_rds_cluster.orders.endpoint}/relay"
    user_arn = "arn:aws:rds-db:eu-west-1:111122223333:dbuser:${aws_rds_cluster.orders.cluster_resource_id}/relay"
  }
}

module "beside" {
  source = "../.."

  name               = "refunds"
  state_machine_arns = [aws_sfn_state_machine.orders.arn]
  table_name         = "refunds-approvals"
}
