terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.30, < 7.0" # 5 and 6: scripts/terraform-check holds both
    }
  }
}
