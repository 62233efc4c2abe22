resource "aws_sns_topic" "decisions" {
  name              = "${var.name}-decisions"
  kms_master_key_id = aws_kms_key.this.arn
  tags              = var.tags
}

data "aws_iam_policy_document" "topic" {
  count = length(var.publisher_arns) > 0 ? 1 : 0

  statement {
    sid       = "Publishers"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.decisions.arn]

    principals {
      type        = "AWS"
      identifiers = var.publisher_arns
    }
  }
}

resource "aws_sns_topic_policy" "decisions" {
  count = length(var.publisher_arns) > 0 ? 1 : 0

  arn    = aws_sns_topic.decisions.arn
  policy = data.aws_iam_policy_document.topic[0].json
}

# In SNS's envelope, not raw: the worker refuses messages of any other topic, and the
# envelope is where it reads the topic.
resource "aws_sns_topic_subscription" "decisions" {
  topic_arn            = aws_sns_topic.decisions.arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.this["decisions"].arn
  raw_message_delivery = false
  # What SNS cannot deliver is beside what the worker gave up, and is redriven with it.
  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead["decisions"].arn })

  depends_on = [aws_sqs_queue_policy.this, aws_sqs_queue_policy.dead]
}
