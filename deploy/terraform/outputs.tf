output "requests_queue_url" {
  description = "QueueUrl of the state that asks."
  value       = aws_sqs_queue.this["requests"].url
}

output "queue_arns" {
  description = "ARNs of the queues by their purpose: requests, decisions."
  value       = { for k, q in aws_sqs_queue.this : k => q.arn }
}

output "dead_letter_queue_arns" {
  description = "ARNs of their dead letter queues."
  value       = { for k, q in aws_sqs_queue.dead : k => q.arn }
}

output "decisions_topic_arn" {
  description = "Where decisions are published: {\"orderId\": …, \"decision\": \"approve\", \"decidedBy\": …}."
  value       = aws_sns_topic.decisions.arn
}

output "worker_policy_arn" {
  description = "For the role of the worker."
  value       = aws_iam_policy.worker.arn
}

output "ask_policy_arn" {
  description = "For the role of the state machine."
  value       = aws_iam_policy.ask.arn
}

output "publish_policy_arn" {
  description = "For the role of a program that publishes decisions."
  value       = aws_iam_policy.publish.arn
}

output "kms_key_arn" {
  description = "Key of queues and topic."
  value       = aws_kms_key.this.arn
}

output "table_name" {
  description = "Name of the DynamoDB table, null without one."
  value       = local.has_table ? local.table_name : null

  precondition {
    condition     = !var.table || var.table_name == ""
    error_message = "table = true makes a table of its own, and table_name is one that exists: set one of them."
  }
  precondition {
    condition     = var.postgres == null || !local.has_table
    error_message = "The worker has one store: a table or a PostgreSQL database."
  }
}

output "table_arn" {
  description = "ARN of the DynamoDB table, null without one."
  value       = local.has_table ? local.table_arn : null
}

output "relay_config" {
  description = "The parts of relay.yaml that follow from this module."
  value = yamlencode(merge(local.has_table ? { store = { dynamodb = { table = local.table_name } } } : {}, var.postgres == null ? {} : {
    store = { postgres = {
      url = var.postgres.url
      iam = { region = data.aws_region.current.id }
    } }
    }, {
    workflows = {
      (var.name) = {
        requests = { sqs = {
          queue             = aws_sqs_queue.this["requests"].name
          dead_letter_queue = aws_sqs_queue.dead["requests"].name
        } }
        sources = ["results"]
      }
    }
    decisions = {
      results = {
        topic = aws_sns_topic.decisions.arn
        sqs = {
          queue             = aws_sqs_queue.this["decisions"].name
          dead_letter_queue = aws_sqs_queue.dead["decisions"].name
        }
      }
    }
  }))
}
