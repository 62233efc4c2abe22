# What Prometheus cannot see when the worker is gone. The worker's own alerts are in
# deploy/prometheus/rules.yaml.
resource "aws_cloudwatch_metric_alarm" "dead" {
  for_each = local.queues

  alarm_name          = "${var.name}-${each.key}-dead-letters"
  alarm_description   = "Messages were given up: approval-relay redrive --dry-run counts them by reason (runbook, ApprovalRelayDeadLetters)."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead[each.key].name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching" # SQS reports nothing of a queue that nobody touches
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "lag" {
  for_each = local.queues

  alarm_name          = "${var.name}-${each.key}-not-consumed"
  alarm_description   = "Messages wait for more than five minutes: the worker is down, or falls behind (runbook, ApprovalRelayDown and ApprovalRelayQueueLag)."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.this[each.key].name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = 300
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "undelivered" {
  alarm_name          = "${var.name}-decisions-undelivered"
  alarm_description   = "SNS could not put decisions into the queue: its policy, or the key's. They are in the dead letter queue."
  namespace           = "AWS/SNS"
  metric_name         = "NumberOfNotificationsFailed"
  dimensions          = { TopicName = aws_sns_topic.decisions.name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}

# An execution that times out waited for an answer that never came. The example catches
# States.Timeout and fails instead: an alarm on its own end is then the workflow's affair.
resource "aws_cloudwatch_metric_alarm" "timed_out" {
  for_each = var.timed_out_alarms

  alarm_name          = "${var.name}-timed-out-${each.key}"
  alarm_description   = "Executions timed out."
  namespace           = "AWS/States"
  metric_name         = "ExecutionsTimedOut"
  dimensions          = { StateMachineArn = each.value }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}

# The worker tries again what the table throttles. For long, approvals are late.
resource "aws_cloudwatch_metric_alarm" "throttled" {
  for_each = toset(local.has_table ? ["Read", "Write"] : [])

  alarm_name          = "${var.name}-table-${lower(each.key)}s-throttled"
  alarm_description   = "The table or one of its indexes throttles: warm throughput, or a partition that is too hot (docs/sizing.md)."
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags

  metric_query {
    id          = "all"
    label       = "${each.key}s throttled"
    expression  = "SUM(METRICS())"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = merge({ of_table = {} }, { for name, _ in local.table_indexes : "of_${name}" => { GlobalSecondaryIndexName = name } })

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/DynamoDB"
        metric_name = "${each.key}ThrottleEvents"
        dimensions  = merge({ TableName = local.table_name }, metric_query.value)
        stat        = "Sum"
        period      = 300
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "table_errors" {
  count = local.has_table ? 1 : 0

  alarm_name          = "${var.name}-table-errors"
  alarm_description   = "DynamoDB answers with errors of its own: the worker is not ready while it does (runbook, ApprovalRelayStoreFailing)."
  evaluation_periods  = 2
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags

  metric_query {
    id          = "all"
    label       = "system errors"
    expression  = "SUM(METRICS())"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = toset(["BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query", "TransactWriteItems", "UpdateItem"])

    content {
      id = "of_${lower(metric_query.key)}"

      metric {
        namespace   = "AWS/DynamoDB"
        metric_name = "SystemErrors"
        dimensions  = { TableName = local.table_name, Operation = metric_query.key }
        stat        = "Sum"
        period      = 300
      }
    }
  }
}
