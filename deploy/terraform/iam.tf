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

  # Orders. Transactions are allowed by what they consist of.
  dynamic "statement" {
    for_each = aws_dynamodb_table.this

    content {
      sid = "Table"
      actions = [
        "dynamodb:BatchGetItem", "dynamodb:DeleteItem", "dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query",
        "dynamodb:UpdateItem",
      ]
      resources = [statement.value.arn, "${statement.value.arn}/index/*"]
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
