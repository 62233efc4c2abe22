package codepipeline

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
)

// calls implements API by an SDK client's methods. It does not keep the client: see outbound.OperationNames.
type calls struct {
	putApprovalResult func(
		context.Context, *codepipeline.PutApprovalResultInput, ...func(*codepipeline.Options),
	) (*codepipeline.PutApprovalResultOutput, error)
}

func newCalls(client *codepipeline.Client) API {
	return calls{
		putApprovalResult: client.PutApprovalResult,
	}
}

func (c calls) PutApprovalResult(
	ctx context.Context, in *codepipeline.PutApprovalResultInput, options ...func(*codepipeline.Options),
) (*codepipeline.PutApprovalResultOutput, error) {
	return c.putApprovalResult(ctx, in, options...)
}
