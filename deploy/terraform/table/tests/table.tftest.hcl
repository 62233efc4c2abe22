mock_provider "aws" {}

variables {
  name = "orders"
}

run "planned" {
  command = plan

  assert {
    condition     = output.table_name == "orders-approvals"
    error_message = "The name is known before apply."
  }
}

run "cold" {
  assert {
    condition     = length(aws_dynamodb_table.this.global_secondary_index) == length(local.table_indexes)
    error_message = "All indexes, and no warm throughput."
  }
}

run "warm" {
  variables {
    warm_throughput = { read = 24000, write = 8000 }
  }

  assert {
    condition = aws_dynamodb_table.this.warm_throughput[0].write_units_per_second == 8000 && alltrue([
      for i in aws_dynamodb_table.this.global_secondary_index : i.warm_throughput[0].read_units_per_second == 24000
    ])
    error_message = "Table and indexes: each write goes to all of them."
  }
}

run "colder_than_a_new_table" {
  command = plan

  variables {
    warm_throughput = { read = 100, write = 100 }
  }

  expect_failures = [var.warm_throughput]
}
