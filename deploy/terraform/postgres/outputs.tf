output "store" {
  description = "For postgres of the module: the address, and the user that the worker signs in as."
  value = {
    url      = "postgres://${local.user}@${local.host}:5432/${local.database}"
    user_arn = "arn:${data.aws_partition.current.partition}:rds-db:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:dbuser:${local.resource_id}/${local.user}"
  }
}

output "setup_sql" {
  description = "Statements that the owner runs once, in the database relay."
  value       = <<-SQL
    CREATE ROLE ${local.user} LOGIN;
    GRANT rds_iam TO ${local.user};
    GRANT CREATE ON DATABASE ${local.database} TO ${local.user};
  SQL
}

output "security_group_id" {
  description = "Security group of the database."
  value       = aws_security_group.this.id
}
