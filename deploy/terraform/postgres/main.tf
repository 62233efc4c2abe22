# A PostgreSQL database for several workers (store.postgres): Aurora, or an RDS instance with a standby in another zone.
# The workers sign in with their AWS role, over TLS. Give it to the module:
#
#   module "postgres" {
#     source                 = "…/deploy/terraform/postgres"
#     name                   = "orders"
#     vpc_id                 = "vpc-0123456789abcdef0"
#     subnet_ids             = ["subnet-…", "subnet-…"]
#     client_security_groups = { workers = "sg-…" }
#   }
#
#   module "approvals" {
#     source   = "…/deploy/terraform"
#     name     = "orders"
#     postgres = module.postgres.store
#   }
#
# Once, before the first start, somebody who can reach the database runs the statements of the output setup_sql as the
# user relay_owner, whose password RDS keeps in Secrets Manager (the page of the database links to it). Terraform has no way to
# make a user inside a database.
terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.30, < 7.0"
    }
  }
}

variable "name" {
  description = "What the names begin with; they end in -approvals."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,50}[a-z0-9])?$", var.name)) && !strcontains(var.name, "--")
    error_message = "A name has 1 to 52 of a-z, 0-9 and single -, and begins with a letter."
  }
}

variable "engine" {
  description = "aurora: a cluster with a second instance in another zone, which grows and shrinks with the load. rds: one instance with a standby in another zone."
  type        = string
  default     = "aurora"

  validation {
    condition     = contains(["aurora", "rds"], var.engine)
    error_message = "aurora or rds."
  }
}

variable "engine_version" {
  description = "Major version of PostgreSQL. AWS chooses the minor one, and raises it in the maintenance window."
  type        = string
  default     = "16"

  validation {
    condition     = can(regex("^[0-9]{2}$", var.engine_version)) && try(tonumber(var.engine_version) >= 14, false)
    error_message = "A major version, 14 or later."
  }
}

variable "vpc_id" {
  description = "Network of the database."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets in at least two zones."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "At least two, in different zones."
  }
}

variable "client_security_groups" {
  description = "Security groups of the workers, and of the place that runs setup_sql, by a name of your choice. IDs may be known after apply only; names are known before."
  type        = map(string)
}

variable "aurora_capacity" {
  description = "With aurora: the least and the most capacity units of each instance; a unit has about 2 GiB of memory."
  type        = object({ min = number, max = number })
  default     = { min = 1, max = 16 }

  validation {
    condition     = var.aurora_capacity.min >= 0.5 && var.aurora_capacity.max <= 256 && var.aurora_capacity.min <= var.aurora_capacity.max
    error_message = "0.5 to 256. With 0 the cluster would sleep, and the first request after a pause would wait for it."
  }
}

variable "rds_instance_class" {
  description = "With rds: the class of the instance."
  type        = string
  default     = "db.m7g.large"
}

variable "rds_storage" {
  description = "With rds: GiB of the volume at first, and how far it grows by itself."
  type        = object({ first = number, most = number })
  default     = { first = 50, most = 500 }
}

variable "backup_retention_days" {
  description = "How far back a copy of the database can be restored, to any second."
  type        = number
  default     = 14

  validation {
    condition     = var.backup_retention_days >= 1 && var.backup_retention_days <= 35
    error_message = "1 to 35 days."
  }
}

variable "kms_key_arn" {
  description = "Key of the storage and of the owner's secret; null takes AWS's own (alias/aws/rds, alias/aws/secretsmanager)."
  type        = string
  default     = null
}

variable "alarm_actions" {
  description = "ARNs that CloudWatch alarms notify."
  type        = list(string)
  default     = []
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  aurora   = var.engine == "aurora"
  id       = "${var.name}-approvals"
  database = "relay"
  user     = "relay"
  family   = "${local.aurora ? "aurora-postgresql" : "postgres"}${var.engine_version}"

  host        = local.aurora ? one(aws_rds_cluster.this[*].endpoint) : one(aws_db_instance.this[*].address)
  resource_id = local.aurora ? one(aws_rds_cluster.this[*].cluster_resource_id) : one(aws_db_instance.this[*].resource_id)
}

resource "aws_db_subnet_group" "this" {
  name       = local.id
  subnet_ids = var.subnet_ids
  tags       = var.tags
}

resource "aws_security_group" "this" {
  name        = "${local.id}-database"
  description = "Who reaches the database of ${local.id}."
  vpc_id      = var.vpc_id
  tags        = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = var.client_security_groups

  security_group_id            = aws_security_group.this.id
  referenced_security_group_id = each.value
  description                  = each.key
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  tags                         = var.tags
}
