# With a mocked provider: no account, no network. `terraform test` runs it; scripts/terraform-check does where the
# provider cannot be downloaded.
mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { id = "eu-west-1" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  name               = "orders"
  state_machine_arns = ["arn:aws:states:eu-west-1:111122223333:stateMachine:orders", "arn:aws:states:eu-west-1:111122223333:stateMachine:refunds-*"]
}

run "defaults" {
  assert {
    condition     = length(aws_dynamodb_table.this) == 0 && length(aws_cloudwatch_metric_alarm.throttled) == 0 && output.table_name == null && output.table_arn == null
    error_message = "No table unless asked for."
  }
  assert {
    condition     = [for s in data.aws_iam_policy_document.worker.statement : s.sid] == ["Queues", "GiveUpAndRedrive", "Key", "Answer", "LookUpAnswers"]
    error_message = "The worker gets what it needs and no more."
  }
  assert {
    condition = toset(data.aws_iam_policy_document.worker.statement[4].resources) == toset([
      "arn:aws:states:eu-west-1:111122223333:execution:orders:*", "arn:aws:states:eu-west-1:111122223333:execution:refunds-*:*",
    ])
    error_message = "Executions are those of the state machines."
  }
  assert {
    condition     = toset(keys(output.queue_arns)) == toset(["requests", "decisions"]) && toset(keys(output.dead_letter_queue_arns)) == toset(["requests", "decisions"])
    error_message = "ARNs of all queues."
  }
  assert {
    condition = contains(data.aws_iam_policy_document.publish.statement[0].actions, "sns:Publish") && alltrue([
      for a in ["kms:Decrypt", "kms:GenerateDataKey"] : contains(data.aws_iam_policy_document.publish.statement[1].actions, a)
    ])
    error_message = "Publishers need the topic and its key."
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.timed_out) == 0
    error_message = "A pattern has no metric."
  }
}

run "all" {
  variables {
    state_machine_arns    = ["*"]
    timed_out_alarms      = { orders = "arn:aws:states:eu-west-1:111122223333:stateMachine:orders" }
    table                 = true
    table_kms_key_arn     = "arn:aws:kms:eu-west-1:111122223333:key/1"
    secret_arns           = ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:relay-??????"]
    decrypt_kms_key_arns  = ["arn:aws:kms:eu-west-1:111122223333:key/2"]
    publisher_arns        = ["arn:aws:iam::111122223333:role/crm"]
    large_message_buckets = ["large"]
    request_file_buckets  = ["files"]
    backup_buckets        = ["copies"]
  }

  assert {
    condition = [for s in data.aws_iam_policy_document.worker.statement : s.sid] == [
      "Queues", "GiveUpAndRedrive", "Key", "Answer", "LookUpAnswers", "Secrets", "OpenWhatIsSealed", "LargeMessages", "RequestFiles", "Backups", "Table", "TableKey",
    ]
    error_message = "Each option has its statement."
  }
  assert {
    condition = alltrue([
      for a in ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"] :
      contains(data.aws_iam_policy_document.worker.statement[11].actions, a)
    ])
    error_message = "What DynamoDB does with a key in the name of the worker."
  }
  assert {
    condition     = [for c in data.aws_iam_policy_document.worker.statement[11].condition : c.values] == [tolist(["dynamodb.eu-west-1.amazonaws.com"])]
    error_message = "The worker uses the key through DynamoDB only."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.timed_out["orders"].dimensions["StateMachineArn"] == "arn:aws:states:eu-west-1:111122223333:stateMachine:orders"
    error_message = "An alarm for the state machine."
  }
  assert {
    condition = alltrue([
      for a in concat(values(aws_cloudwatch_metric_alarm.throttled), aws_cloudwatch_metric_alarm.table_errors) : length(a.metric_query) <= 11
    ])
    error_message = "An expression takes ten metrics."
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.throttled["Write"].metric_query) == 2 + length(local.table_indexes)
    error_message = "The table and each index."
  }
}

run "a_table_that_exists" {
  variables {
    table_name = "elsewhere"
  }

  assert {
    condition     = output.table_arn == "arn:aws:dynamodb:eu-west-1:111122223333:table/elsewhere" && strcontains(output.relay_config, "elsewhere")
    error_message = "The worker uses it."
  }
  assert {
    condition     = length(aws_dynamodb_table.this) == 0 && length(aws_cloudwatch_metric_alarm.table_errors) == 1
    error_message = "No second one, and alarms for it."
  }
}

run "a_database" {
  variables {
    postgres = { url = "postgres://relay@db.example.com:5432/relay", user_arn = "arn:aws:rds-db:eu-west-1:111122223333:dbuser:cluster-ABC/relay" }
  }

  assert {
    condition = [
      for s in data.aws_iam_policy_document.worker.statement : tolist(s.resources) if s.sid == "Database"
    ] == [tolist(["arn:aws:rds-db:eu-west-1:111122223333:dbuser:cluster-ABC/relay"])]
    error_message = "The worker signs in as this user."
  }
  assert {
    condition = yamldecode(output.relay_config).store == {
      postgres = { url = "postgres://relay@db.example.com:5432/relay", iam = { region = "eu-west-1" } }
    }
    error_message = "The worker uses it."
  }
  assert {
    condition     = length(aws_dynamodb_table.this) == 0 && length(aws_cloudwatch_metric_alarm.throttled) == 0
    error_message = "And no table."
  }
}

run "a_database_with_a_password" {
  command = plan

  variables {
    postgres = { url = "postgres://relay:hunter2@db.example.com/relay", user_arn = "arn:aws:rds-db:eu-west-1:111122223333:dbuser:cluster-ABC/relay" }
  }

  expect_failures = [var.postgres]
}

run "two_stores" {
  command = plan

  variables {
    table    = true
    postgres = { url = "postgres://relay@db.example.com/relay", user_arn = "arn:aws:rds-db:eu-west-1:111122223333:dbuser:cluster-ABC/relay" }
  }

  expect_failures = [output.table_name]
}

run "without_a_look_at_executions" {
  variables {
    reconcile = false
  }

  assert {
    condition     = !contains([for s in data.aws_iam_policy_document.worker.statement : s.sid], "LookUpAnswers")
    error_message = "Executions stay closed."
  }
}

# All that can be known after apply only is so here.
run "unknown_values" {
  command = plan

  module {
    source = "./tests/unknown"
  }
}

run "dead_letters_outlive_messages" {
  command = plan

  variables {
    message_retention_seconds = 1209600
  }

  expect_failures = [var.message_retention_seconds]
}

run "alarms_have_no_patterns" {
  command = plan

  variables {
    timed_out_alarms = { all = "arn:aws:states:eu-west-1:111122223333:stateMachine:*" }
  }

  expect_failures = [var.timed_out_alarms]
}

run "one_table" {
  command = plan

  variables {
    table      = true
    table_name = "orders-approvals"
  }

  expect_failures = [output.table_name]
}
