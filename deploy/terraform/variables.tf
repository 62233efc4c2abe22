variable "name" {
  description = "What the names of all resources begin with, such as orders. The queues are NAME-requests and NAME-decisions, the topic is NAME-decisions."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9_-]{0,59}$", var.name))
    error_message = "A name has 1 to 60 of a-z, 0-9, _ and -, and begins with a letter or digit: it is a workflow of the configuration too."
  }
}

variable "state_machine_arns" {
  description = "State machines whose tasks the worker answers; patterns such as arn:aws:states:eu-west-1:111122223333:stateMachine:orders-* are allowed. AWS evaluates states:SendTask* against the state machine's ARN, but its authorization reference lists no resource for these actions: where a scoped policy is refused, set this to [\"*\"], which is the documented fallback. A task token is needed in any case."
  type        = list(string)

  validation {
    condition     = length(var.state_machine_arns) > 0 && alltrue([for a in var.state_machine_arns : a == "*" || can(regex("^arn:[a-z-]+:states:[a-z0-9-]+:[0-9]{12}:stateMachine:", a))])
    error_message = "At least one state machine's ARN, or [\"*\"]."
  }
}

variable "timed_out_alarms" {
  description = "State machines whose executions that time out raise an alarm, by a name of your choice. ARNs may be known after apply only; names are known before. No patterns: CloudWatch has no metric for them."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for a in values(var.timed_out_alarms) : can(regex("^arn:[a-z-]+:states:[a-z0-9-]+:[0-9]{12}:stateMachine:[^*?]+$", a))])
    error_message = "ARNs of state machines, without * and ?."
  }
}

variable "reconcile" {
  description = "The worker may read the histories of executions of these state machines (states:GetExecutionHistory), which have inputs and outputs. It looks up what became of an answer that it cannot be sure of."
  type        = bool
  default     = true
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

variable "table_name" {
  description = "Name of a table that exists, in place of table = true, such as module.table.table_name of ./table, which has warm throughput. It must be known before apply."
  type        = string
  default     = ""
}

variable "table_kms_key_arn" {
  description = "Key of the table; null takes AWS's own (alias/aws/dynamodb). The worker's policy allows the use of a key of yours through DynamoDB; the key's own policy must let IAM policies of the account decide, as AWS's default does."
  type        = string
  default     = null
}

variable "postgres" {
  description = "A PostgreSQL database for several workers (store.postgres), in place of a table: its URL without a password, and the ARN of the user that the worker signs in as with its role. It is the output store of ./postgres."
  type        = object({ url = string, user_arn = string })
  default     = null

  validation {
    condition     = var.postgres == null || try(can(regex("^postgres://[^:/@]+@[^/@]+/[^/]+$", var.postgres.url)) && can(regex("^arn:[a-z-]+:rds-db:[a-z0-9-]+:[0-9]{12}:dbuser:", var.postgres.user_arn)), false)
    error_message = "postgres://USER@HOST:PORT/DATABASE, and arn:aws:rds-db:REGION:ACCOUNT:dbuser:RESOURCE/USER."
  }
}

variable "large_message_buckets" {
  description = "Names of the buckets in which the SQS Extended Client puts messages that are too large for the queue: those of requests.sqs.s3_payloads.buckets. The worker may read their objects. For a bucket that a key of yours encrypts, name the key in decrypt_kms_key_arns."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for b in var.large_message_buckets : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", b))])
    error_message = "Names of buckets, not ARNs."
  }
}

variable "request_file_buckets" {
  description = "Names of the buckets with pictures and documents that approvers open: those of requests.files.buckets. The worker may read all of their objects. For a bucket that a key of yours encrypts, name the key in decrypt_kms_key_arns."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for b in var.request_file_buckets : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", b))])
    error_message = "Names of buckets, not ARNs."
  }
}

variable "backup_buckets" {
  description = "Names of buckets that `approval-relay backup --to=s3://…` writes to with the worker's role."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for b in var.backup_buckets : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", b))])
    error_message = "Names of buckets, not ARNs."
  }
}

variable "secret_arns" {
  description = "Secrets of Secrets Manager that the worker reads by itself (keys.secrets_manager): ARNs, with the six characters at their end or -?????? in their place."
  type        = list(string)
  default     = []
}

variable "decrypt_kms_key_arns" {
  description = "Keys of yours that encrypt those secrets and buckets, or seal the key ring (keys.kms). The worker may decrypt with them."
  type        = list(string)
  default     = []
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

  # A dead letter keeps the time at which it was sent to the first queue.
  validation {
    condition     = var.message_retention_seconds >= 3600 && var.message_retention_seconds <= 1036800 && floor(var.message_retention_seconds) == var.message_retention_seconds
    error_message = "3600 (an hour) to 1036800 (12 days): what arrives as a dead letter at the end of it has two days left there."
  }
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
