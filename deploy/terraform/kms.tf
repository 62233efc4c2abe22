# Messages hold task tokens. SQS's and SNS's own keys cannot be used here: SNS may not
# use the key alias/aws/sqs for the queue.
resource "aws_kms_key" "this" {
  description             = "${var.name}: queues and topic of approvals"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.key.json
  tags                    = var.tags
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}-approvals"
  target_key_id = aws_kms_key.this.key_id
}

data "aws_iam_policy_document" "key" {
  # As the default key policy: IAM policies of this account decide.
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"]
    }
  }

  # SNS puts the topic's messages into the encrypted queue. The topic by its name: it
  # waits for the key itself.
  statement {
    sid       = "SNS"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["sns.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = ["arn:${data.aws_partition.current.partition}:sns:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:${var.name}-decisions"]
    }
  }

  dynamic "statement" {
    for_each = length(var.publisher_arns) > 0 ? [1] : []

    content {
      sid       = "Publishers"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = ["*"]

      principals {
        type        = "AWS"
        identifiers = var.publisher_arns
      }
    }
  }
}
