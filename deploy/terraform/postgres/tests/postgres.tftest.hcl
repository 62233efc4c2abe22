mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { id = "eu-west-1" }
  }
  mock_resource "aws_rds_cluster" {
    defaults = {
      endpoint            = "orders-approvals.cluster-abc.eu-west-1.rds.amazonaws.com"
      cluster_resource_id = "cluster-ABC"
    }
  }
  mock_resource "aws_db_instance" {
    defaults = {
      address     = "orders-approvals.abc.eu-west-1.rds.amazonaws.com"
      resource_id = "db-ABC"
    }
  }
}

variables {
  name                   = "orders"
  vpc_id                 = "vpc-1"
  subnet_ids             = ["subnet-1", "subnet-2"]
  client_security_groups = { workers = "sg-1" }
}

run "aurora" {
  assert {
    condition     = output.store.url == "postgres://relay@orders-approvals.cluster-abc.eu-west-1.rds.amazonaws.com:5432/relay"
    error_message = "The address of the writer, and no password."
  }
  assert {
    condition     = output.store.user_arn == "arn:aws:rds-db:eu-west-1:111122223333:dbuser:cluster-ABC/relay"
    error_message = "The user that the worker's role may sign in as."
  }
  assert {
    condition = (aws_rds_cluster.this[0].iam_database_authentication_enabled && aws_rds_cluster.this[0].storage_encrypted &&
    aws_rds_cluster.this[0].deletion_protection && one(aws_rds_cluster_parameter_group.this[0].parameter).name == "rds.force_ssl")
    error_message = "IAM, encryption at rest and on the way, and no deletion by mistake."
  }
  assert {
    condition     = length(aws_rds_cluster_instance.this) == 2 && length(aws_db_instance.this) == 0 && !contains(keys(aws_cloudwatch_metric_alarm.this), "storage")
    error_message = "Two instances, and storage that grows by itself."
  }
  assert {
    condition     = strcontains(output.setup_sql, "GRANT rds_iam TO relay")
    error_message = "How the user is made."
  }
}

run "rds" {
  variables {
    engine = "rds"
  }

  assert {
    condition = (output.store.url == "postgres://relay@orders-approvals.abc.eu-west-1.rds.amazonaws.com:5432/relay" &&
    endswith(output.store.user_arn, ":dbuser:db-ABC/relay"))
    error_message = "The address and user of the instance."
  }
  assert {
    condition = (aws_db_instance.this[0].multi_az && aws_db_instance.this[0].iam_database_authentication_enabled && aws_db_instance.this[0].storage_encrypted &&
    !aws_db_instance.this[0].publicly_accessible && one(aws_db_parameter_group.this[0].parameter).name == "rds.force_ssl")
    error_message = "A standby, IAM, and encryption at rest and on the way."
  }
  assert {
    condition     = length(aws_rds_cluster.this) == 0 && contains(keys(aws_cloudwatch_metric_alarm.this), "storage")
    error_message = "No cluster, and an alarm for the volume."
  }
}

run "clients" {
  variables {
    client_security_groups = { workers = "sg-1", setup = "sg-2" }
  }

  assert {
    condition = alltrue([
      for name, rule in aws_vpc_security_group_ingress_rule.clients : rule.from_port == 5432 && rule.to_port == 5432 && rule.description == name
    ]) && length(aws_vpc_security_group_ingress_rule.clients) == 2
    error_message = "One port, for those alone."
  }
}

run "an_old_version" {
  command = plan

  variables {
    engine_version = "13"
  }

  expect_failures = [var.engine_version]
}

run "another_engine" {
  command = plan

  variables {
    engine = "mysql"
  }

  expect_failures = [var.engine]
}

run "one_subnet" {
  command = plan

  variables {
    subnet_ids = ["subnet-1"]
  }

  expect_failures = [var.subnet_ids]
}

run "a_cluster_that_sleeps" {
  command = plan

  variables {
    aurora_capacity = { min = 0, max = 4 }
  }

  expect_failures = [var.aurora_capacity]
}
