# A table for several workers (store.dynamodb), where table is set. Its form is that of
# store/dynamodb/schema.go, which refuses another.
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
  count = var.table ? 1 : 0

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
    }
  }

  # Any second of the last 35 days. A restored table is behind what workflows were told: docs/upgrade.md.
  point_in_time_recovery {
    enabled = true
  }

  # Task tokens are sealed before they are stored; order IDs, names and comments are not.
  server_side_encryption {
    enabled     = true
    kms_key_arn = var.table_kms_key_arn
  }
}

# The table that the worker uses: the one above, or one that exists.
locals {
  has_table  = var.table || var.table_name != ""
  table_name = var.table ? one(aws_dynamodb_table.this[*].name) : var.table_name
  table_arn = (var.table ? one(aws_dynamodb_table.this[*].arn) :
  "arn:${data.aws_partition.current.partition}:dynamodb:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:table/${var.table_name}")
}
