# A workflow of orders, once in each query language, and the worker's role for EKS Pod
# Identity. The worker is installed by deploy/helm into the same namespace.
terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.30, < 7.0"
    }
  }
}

provider "aws" {
  region = var.region
}

variable "region" {
  type    = string
  default = "eu-west-1"
}

variable "cluster" {
  description = "EKS cluster of the worker; empty makes no association of its role."
  type        = string
  default     = ""
}

variable "namespace" {
  type    = string
  default = "approvals"
}

variable "service_account" {
  description = "The chart names it after the release."
  type        = string
  default     = "approval-relay"
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  languages = toset(["jsonpath", "jsonata"])
  # By name, not by reference: the policy must not wait for the state machines, which
  # wait for the queue.
  state_machine_arns = [for l in local.languages : "arn:${data.aws_partition.current.partition}:states:${var.region}:${data.aws_caller_identity.current.account_id}:stateMachine:orders-${l}"]
}

module "approvals" {
  source = "../.."

  name               = "orders"
  state_machine_arns = local.state_machine_arns
  timed_out_alarms   = { for l in local.languages : l => aws_sfn_state_machine.orders[l].arn }
}

resource "aws_sfn_state_machine" "orders" {
  for_each = local.languages

  name       = "orders-${each.key}"
  role_arn   = aws_iam_role.orders.arn
  definition = templatefile("${path.module}/${each.key}.asl.json", { queue_url = module.approvals.requests_queue_url })

  depends_on = [aws_iam_role_policy_attachment.ask]
}

data "aws_iam_policy_document" "states" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["states.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

resource "aws_iam_role" "orders" {
  name               = "orders-workflow"
  assume_role_policy = data.aws_iam_policy_document.states.json
}

resource "aws_iam_role_policy_attachment" "ask" {
  role       = aws_iam_role.orders.name
  policy_arn = module.approvals.ask_policy_arn
}

# EKS Pod Identity. For IRSA the principal is the cluster's OIDC provider instead, with
# sts:AssumeRoleWithWebIdentity, and the chart's serviceAccount.annotations names the
# role; for ECS it is ecs-tasks.amazonaws.com.
data "aws_iam_policy_document" "pods" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]

    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "worker" {
  name               = "orders-approval-relay"
  assume_role_policy = data.aws_iam_policy_document.pods.json
}

resource "aws_iam_role_policy_attachment" "worker" {
  role       = aws_iam_role.worker.name
  policy_arn = module.approvals.worker_policy_arn
}

resource "aws_eks_pod_identity_association" "worker" {
  count = var.cluster == "" ? 0 : 1

  cluster_name    = var.cluster
  namespace       = var.namespace
  service_account = var.service_account
  role_arn        = aws_iam_role.worker.arn
}

output "relay_config" {
  value = module.approvals.relay_config
}

output "decisions_topic_arn" {
  value = module.approvals.decisions_topic_arn
}

output "state_machine_arns" {
  value = { for l, m in aws_sfn_state_machine.orders : l => m.arn }
}

output "worker_role_arn" {
  value = aws_iam_role.worker.arn
}
