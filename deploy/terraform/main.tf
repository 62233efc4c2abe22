# What one workflow needs around the worker: a queue of requests, a topic of decisions
# with its queue, dead letter queues, a key, the worker's policy, and alarms.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  queues = toset(["requests", "decisions"])
}

resource "aws_sqs_queue" "dead" {
  for_each = local.queues

  name                              = "${var.name}-${each.key}-dlq"
  message_retention_seconds         = 1209600 # 14 days
  kms_master_key_id                 = aws_kms_key.this.arn
  kms_data_key_reuse_period_seconds = 3600
  tags                              = var.tags
}

resource "aws_sqs_queue" "this" {
  for_each = local.queues

  name                              = "${var.name}-${each.key}"
  visibility_timeout_seconds        = 30 # the worker says its own with every receive
  message_retention_seconds         = var.message_retention_seconds
  receive_wait_time_seconds         = 20
  kms_master_key_id                 = aws_kms_key.this.arn
  kms_data_key_reuse_period_seconds = 3600 # each hour costs one call of KMS a sender, not each five minutes
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead[each.key].arn
    maxReceiveCount     = var.max_receive_count
  })
  tags = var.tags
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  for_each = local.queues

  queue_url = aws_sqs_queue.dead[each.key].id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.this[each.key].arn]
  })
}

# Nobody without TLS. Who may send and receive is in the IAM policies of the state
# machine and of the worker; only the topic, which has none, is allowed here.
data "aws_iam_policy_document" "queue" {
  for_each = merge(
    { for k in local.queues : k => { arn = aws_sqs_queue.this[k].arn, topic = k == "decisions" } },
    { for k in local.queues : "${k}-dlq" => { arn = aws_sqs_queue.dead[k].arn, topic = k == "decisions" } },
  )

  statement {
    sid       = "OnlyTLS"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [each.value.arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  dynamic "statement" {
    for_each = each.value.topic ? [1] : []

    content {
      sid       = "TheTopic"
      actions   = ["sqs:SendMessage"]
      resources = [each.value.arn]

      principals {
        type        = "Service"
        identifiers = ["sns.amazonaws.com"]
      }
      condition {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = [aws_sns_topic.decisions.arn]
      }
    }
  }
}

resource "aws_sqs_queue_policy" "this" {
  for_each = local.queues

  queue_url = aws_sqs_queue.this[each.key].id
  policy    = data.aws_iam_policy_document.queue[each.key].json
}

resource "aws_sqs_queue_policy" "dead" {
  for_each = local.queues

  queue_url = aws_sqs_queue.dead[each.key].id
  policy    = data.aws_iam_policy_document.queue["${each.key}-dlq"].json
}
