# One of the two databases. Neither takes a connection without TLS.
resource "aws_rds_cluster_parameter_group" "this" {
  count = local.aurora ? 1 : 0

  name   = local.id
  family = local.family
  tags   = var.tags

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }
}

resource "aws_rds_cluster" "this" {
  count = local.aurora ? 1 : 0

  cluster_identifier                  = local.id
  engine                              = "aurora-postgresql"
  engine_mode                         = "provisioned"
  engine_version                      = var.engine_version
  database_name                       = local.database
  master_username                     = "relay_owner"
  manage_master_user_password         = true
  master_user_secret_kms_key_id       = var.kms_key_arn
  iam_database_authentication_enabled = true
  db_subnet_group_name                = aws_db_subnet_group.this.name
  vpc_security_group_ids              = [aws_security_group.this.id]
  db_cluster_parameter_group_name     = one(aws_rds_cluster_parameter_group.this[*].name)
  storage_encrypted                   = true
  kms_key_id                          = var.kms_key_arn
  backup_retention_period             = var.backup_retention_days
  copy_tags_to_snapshot               = true
  deletion_protection                 = true
  final_snapshot_identifier           = "${local.id}-final"
  enabled_cloudwatch_logs_exports     = ["postgresql"]
  tags                                = var.tags

  serverlessv2_scaling_configuration {
    min_capacity = var.aurora_capacity.min
    max_capacity = var.aurora_capacity.max
  }

  lifecycle {
    ignore_changes = [engine_version] # AWS raises the minor version
  }
}

resource "aws_rds_cluster_instance" "this" {
  count = local.aurora ? 2 : 0

  identifier                 = "${local.id}-${count.index}"
  cluster_identifier         = one(aws_rds_cluster.this[*].id)
  engine                     = "aurora-postgresql"
  instance_class             = "db.serverless"
  promotion_tier             = 0 # the second is as large as the first, so that it can take over at once
  publicly_accessible        = false
  auto_minor_version_upgrade = true
  tags                       = var.tags
}

resource "aws_db_parameter_group" "this" {
  count = local.aurora ? 0 : 1

  name   = local.id
  family = local.family
  tags   = var.tags

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }
}

resource "aws_db_instance" "this" {
  count = local.aurora ? 0 : 1

  identifier                          = local.id
  engine                              = "postgres"
  engine_version                      = var.engine_version
  instance_class                      = var.rds_instance_class
  multi_az                            = true
  allocated_storage                   = var.rds_storage.first
  max_allocated_storage               = var.rds_storage.most
  storage_type                        = "gp3"
  storage_encrypted                   = true
  kms_key_id                          = var.kms_key_arn
  db_name                             = local.database
  username                            = "relay_owner"
  manage_master_user_password         = true
  master_user_secret_kms_key_id       = var.kms_key_arn
  iam_database_authentication_enabled = true
  db_subnet_group_name                = aws_db_subnet_group.this.name
  vpc_security_group_ids              = [aws_security_group.this.id]
  parameter_group_name                = one(aws_db_parameter_group.this[*].name)
  publicly_accessible                 = false
  backup_retention_period             = var.backup_retention_days
  copy_tags_to_snapshot               = true
  deletion_protection                 = true
  final_snapshot_identifier           = "${local.id}-final"
  auto_minor_version_upgrade          = true
  enabled_cloudwatch_logs_exports     = ["postgresql"]
  tags                                = var.tags

  lifecycle {
    ignore_changes = [engine_version]
  }
}

locals {
  # The name and value of the dimension that CloudWatch keeps the figures under.
  dimension = local.aurora ? { DBClusterIdentifier = local.id } : { DBInstanceIdentifier = local.id }
  alarms = merge({
    cpu = {
      metric = "CPUUtilization", statistic = "Average", above = true, threshold = 80
      text   = "The database is busy: approvals become slower. Raise aurora_capacity.max or rds_instance_class."
    }
    connections = {
      metric = "DatabaseConnections", statistic = "Maximum", above = true, threshold = 400
      text   = "Many connections: each worker opens up to store.postgres.connections. PgBouncer or RDS Proxy shares them."
    }
    }, local.aurora ? {} : {
    storage = {
      metric = "FreeStorageSpace", statistic = "Minimum", above = false, threshold = 5 * 1024 * 1024 * 1024
      text   = "Less than 5 GiB are free: a full database takes no request. Raise rds_storage.most."
    }
  })
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${local.id}-database-${each.key}"
  alarm_description   = each.value.text
  namespace           = "AWS/RDS"
  metric_name         = each.value.metric
  dimensions          = local.dimension
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = 3
  comparison_operator = each.value.above ? "GreaterThanThreshold" : "LessThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "missing"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}
