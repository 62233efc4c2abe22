# All that the worker may do. Attach it to the role of its pod, task or instance.
data "aws_iam_policy_document" "worker" {
  statement {
    sid     = "Queues"
    actions = ["sqs:GetQueueUrl", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"]
    # The dead letter queues are read by `approval-relay redrive`.
    resources = concat([for q in aws_sqs_queue.this : q.arn], [for q in aws_sqs_queue.dead : q.arn])
  }

  statement {
    sid     = "GiveUpAndRedrive"
    actions = ["sqs:SendMessage"]
    # To the dead letter queues, and from there back to the queues.
    resources = concat([for q in aws_sqs_queue.this : q.arn], [for q in aws_sqs_queue.dead : q.arn])
  }

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.this.arn]
  }

  statement {
    sid       = "Answer"
    actions   = ["states:SendTaskSuccess", "states:SendTaskFailure", "states:SendTaskHeartbeat"]
    resources = var.state_machine_arns
  }

  # What became of an answer whose task is closed already. Without it the worker says that it is unknown.
  dynamic "statement" {
    for_each = var.reconcile ? [1] : []

    content {
      sid       = "LookUpAnswers"
      actions   = ["states:GetExecutionHistory"]
      resources = [for a in var.state_machine_arns : a == "*" ? a : "${replace(a, ":stateMachine:", ":execution:")}:*"]
    }
  }

  # Secrets that the worker reads by itself.
  dynamic "statement" {
    for_each = length(var.secret_arns) > 0 ? [1] : []

    content {
      sid       = "Secrets"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = var.secret_arns
    }
  }

  # Keys of yours on secrets, buckets and the key ring.
  dynamic "statement" {
    for_each = length(var.decrypt_kms_key_arns) > 0 ? [1] : []

    content {
      sid       = "OpenWhatIsSealed"
      actions   = ["kms:Decrypt"]
      resources = var.decrypt_kms_key_arns
    }
  }

  # Messages that the SQS Extended Client has put into S3.
  dynamic "statement" {
    for_each = length(var.large_message_buckets) > 0 ? [1] : []

    content {
      sid       = "LargeMessages"
      actions   = ["s3:GetObject"]
      resources = [for b in var.large_message_buckets : "arn:${data.aws_partition.current.partition}:s3:::${b}/*"]
    }
  }

  # Files of requests that approvers open.
  dynamic "statement" {
    for_each = length(var.request_file_buckets) > 0 ? [1] : []

    content {
      sid       = "RequestFiles"
      actions   = ["s3:GetObject", "s3:GetObjectVersion"]
      resources = [for b in var.request_file_buckets : "arn:${data.aws_partition.current.partition}:s3:::${b}/*"]
    }
  }

  # Copies of the database. Nothing is read back: restore is for people.
  dynamic "statement" {
    for_each = length(var.backup_buckets) > 0 ? [1] : []

    content {
      sid       = "Backups"
      actions   = ["s3:PutObject"]
      resources = [for b in var.backup_buckets : "arn:${data.aws_partition.current.partition}:s3:::${b}/*"]
    }
  }

  # Orders. Transactions are allowed by what they consist of.
  dynamic "statement" {
    for_each = local.has_table ? [1] : []

    content {
      sid = "Table"
      actions = [
        "dynamodb:BatchGetItem", "dynamodb:DeleteItem", "dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query",
        "dynamodb:UpdateItem",
      ]
      resources = [local.table_arn, "${local.table_arn}/index/*"]
    }
  }

  # The user of the database, whom the worker signs in as.
  dynamic "statement" {
    for_each = var.postgres == null ? [] : [1]

    content {
      sid       = "Database"
      actions   = ["rds-db:connect"]
      resources = [var.postgres.user_arn]
    }
  }

  # A key of yours on the table: DynamoDB uses it in the name of whoever calls, and holds grants on it.
  dynamic "statement" {
    for_each = var.table_kms_key_arn[*]

    content {
      sid       = "TableKey"
      actions   = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["dynamodb.${data.aws_region.current.id}.amazonaws.com"]
      }
    }
  }
}

resource "aws_iam_policy" "worker" {
  name        = "${var.name}-approval-relay"
  description = "What approval-relay may do for ${var.name}."
  policy      = data.aws_iam_policy_document.worker.json
  tags        = var.tags
}

# What the state machine's role needs to ask: send to the queue of requests.
data "aws_iam_policy_document" "ask" {
  statement {
    sid       = "Ask"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.this["requests"].arn]
  }

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.this.arn]
  }
}

resource "aws_iam_policy" "ask" {
  name        = "${var.name}-ask-for-approval"
  description = "What a state machine may do to ask for approvals of ${var.name}."
  policy      = data.aws_iam_policy_document.ask.json
  tags        = var.tags
}

# What publishes decisions: to the topic, whose messages are encrypted.
data "aws_iam_policy_document" "publish" {
  statement {
    sid       = "Publish"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.decisions.arn]
  }

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.this.arn]
  }
}

resource "aws_iam_policy" "publish" {
  name        = "${var.name}-publish-decisions"
  description = "What a program may do to publish decisions of ${var.name}."
  policy      = data.aws_iam_policy_document.publish.json
  tags        = var.tags
}
