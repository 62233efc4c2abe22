variable "name" {
  description = "What the names of all resources begin with, such as orders. The queues are NAME-requests and NAME-decisions, the topic is NAME-decisions."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9_-]{0,59}$", var.name))
    error_message = "A name has 1 to 60 of a-z, 0-9, _ and -, and begins with a letter or digit: it is a workflow of the configuration too."
  }
}

variable "state_machine_arns" {
  description = "State machines whose tasks the worker answers. AWS evaluates states:SendTask* against the state machine's ARN, but its authorization reference lists no resource for these actions: where a scoped policy is refused, set this to [\"*\"], which is the documented fallback. A task token is needed in any case."
  type        = list(string)

  validation {
    condition     = length(var.state_machine_arns) > 0 && alltrue([for a in var.state_machine_arns : a == "*" || can(regex("^arn:[a-z-]+:states:[a-z0-9-]+:[0-9]{12}:stateMachine:", a))])
    error_message = "At least one state machine's ARN, or [\"*\"]."
  }
}

variable "publisher_arns" {
  description = "Principals of this account that may publish decisions to the topic, beside those whose own IAM policies allow it; and all that may from other accounts."
  type        = list(string)
  default     = []
}

variable "table" {
  description = "Make a DynamoDB table, for several workers at once (store.dynamodb). Without it the one worker has a SQLite file on a volume."
  type        = bool
  default     = false
}

variable "table_kms_key_arn" {
  description = "Key of the table; null takes AWS's own (alias/aws/dynamodb). The worker's role needs kms:Decrypt and the like on a key of yours: DynamoDB Developer Guide, \"Using customer managed keys\"."
  type        = string
  default     = null
}

variable "large_message_buckets" {
  description = "Names of the buckets in which the SQS Extended Client puts messages that are too large for the queue: those of requests.sqs.s3_payloads.buckets. The worker may read their objects. For a bucket that a key of yours encrypts, its role also needs kms:Decrypt on that key."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for b in var.large_message_buckets : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", b))])
    error_message = "Names of buckets, not ARNs."
  }
}

variable "request_file_buckets" {
  description = "Names of the buckets with pictures and documents that approvers open: those of requests.files.buckets. The worker may read all of their objects. For a bucket that a key of yours encrypts, its role also needs kms:Decrypt on that key."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for b in var.request_file_buckets : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", b))])
    error_message = "Names of buckets, not ARNs."
  }
}

variable "max_receive_count" {
  description = "How often SQS hands a message over before it moves it to the dead letter queue. The worker itself sends there at once what can never be handled; this count is for what it gives back because something is down. Its back-off reaches 15 minutes, 7.5 on average: 100 is about twelve hours."
  type        = number
  default     = 100

  validation {
    condition     = var.max_receive_count >= 10 && var.max_receive_count <= 1000
    error_message = "10 to 1000, which is the most that SQS takes."
  }
}

variable "message_retention_seconds" {
  description = "How long the queues keep what nobody receives. Dead letters are kept for 14 days, the most that SQS does."
  type        = number
  default     = 345600 # 4 days
}

variable "alarm_actions" {
  description = "ARNs that CloudWatch alarms notify, such as a topic of the people on call."
  type        = list(string)
  default     = []
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
