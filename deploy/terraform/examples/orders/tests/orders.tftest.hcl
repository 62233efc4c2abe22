mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_resource "aws_sfn_state_machine" {
    defaults = { arn = "arn:aws:states:eu-west-1:111122223333:stateMachine:orders" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

run "plan" {
  command = plan

  assert {
    condition     = length(aws_eks_pod_identity_association.worker) == 0
    error_message = "No association without a cluster."
  }
}

run "apply" {
  variables {
    cluster = "platform"
  }

  assert {
    condition     = length(output.state_machine_arns) == 2 && length(aws_eks_pod_identity_association.worker) == 1
    error_message = "Two state machines, and the worker's role for the cluster."
  }
}
