# The table of ../table.tf with warm throughput, which the AWS provider knows since 6.13. Give its name to the module:
#
#   module "table" {
#     source          = "…/deploy/terraform/table"
#     name            = "orders"
#     warm_throughput = { read = 24000, write = 8000 }
#   }
#
#   module "approvals" {
#     source     = "…/deploy/terraform"
#     name       = "orders"
#     table_name = module.table.table_name
#   }
terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.13, < 7.0"
    }
  }
}

variable "name" {
  description = "What the table's name begins with; it ends in -approvals."
  type        = string
}

variable "kms_key_arn" {
  description = "Key of the table; null takes AWS's own (alias/aws/dynamodb). Give it to the module as table_kms_key_arn, too."
  type        = string
  default     = null
}

variable "warm_throughput" {
  description = "Units a second that the table, and each of its indexes, can take at once. A new on-demand table has 12,000 reads and 4,000 writes, and grows with its use. Warm throughput can be raised later, never lowered; it costs once."
  type        = object({ read = number, write = number })
  default     = null

  validation {
    condition     = var.warm_throughput == null || try(var.warm_throughput.read >= 12000 && var.warm_throughput.write >= 4000, false)
    error_message = "At least 12,000 reads and 4,000 writes a second, which each table has."
  }
}

variable "tags" {
  description = "Tags of the table."
  type        = map(string)
  default     = {}
}

locals {
  table_indexes = {
    due       = { partition = "due_shard", sort = "next_at", with = ["due_at"] }
    orders    = { partition = "order_shard", sort = "order_id", with = [] }
    pending   = { partition = "pending_shard", sort = "order_id", with = [] }
    age       = { partition = "pending_shard", sort = "waits_since", with = [] }
    exhausted = { partition = "exhausted_shard", sort = "order_id", with = [] }
  }
}

resource "aws_dynamodb_table" "this" {
  name                        = "${var.name}-approvals"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = true
  tags                        = var.tags

  dynamic "attribute" {
    for_each = {
      pk = "S", sk = "S", due_shard = "S", next_at = "N", order_shard = "S", order_id = "B", pending_shard = "S", waits_since = "B", exhausted_shard = "S"
    }

    content {
      name = attribute.key
      type = attribute.value
    }
  }

  dynamic "global_secondary_index" {
    for_each = local.table_indexes

    content {
      name               = global_secondary_index.key
      hash_key           = global_secondary_index.value.partition
      range_key          = global_secondary_index.value.sort
      projection_type    = length(global_secondary_index.value.with) > 0 ? "INCLUDE" : "KEYS_ONLY"
      non_key_attributes = length(global_secondary_index.value.with) > 0 ? global_secondary_index.value.with : null

      dynamic "warm_throughput" {
        for_each = var.warm_throughput[*]

        content {
          read_units_per_second  = warm_throughput.value.read
          write_units_per_second = warm_throughput.value.write
        }
      }
    }
  }

  # Any second of the last 35 days. A restored table is behind what workflows were told: docs/upgrade.md.
  point_in_time_recovery {
    enabled = true
  }

  # Task tokens are sealed before they are stored; order IDs, names and comments are not.
  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }

  dynamic "warm_throughput" {
    for_each = var.warm_throughput[*]

    content {
      read_units_per_second  = warm_throughput.value.read
      write_units_per_second = warm_throughput.value.write
    }
  }
}

output "table_name" {
  description = "For table_name of the module, and store.dynamodb.table."
  value       = "${var.name}-approvals"

  depends_on = [aws_dynamodb_table.this]
}

output "table_arn" {
  description = "ARN of the table."
  value       = aws_dynamodb_table.this.arn
}
