package ses

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/sesv2"
)

// calls implements API by an SDK client's methods. It does not keep the client: see outbound.OperationNames.
type calls struct {
	sendEmail func(context.Context, *sesv2.SendEmailInput, ...func(*sesv2.Options)) (*sesv2.SendEmailOutput, error)
}

func newCalls(client *sesv2.Client) API {
	return calls{
		sendEmail: client.SendEmail,
	}
}

func (c calls) SendEmail(
	ctx context.Context, in *sesv2.SendEmailInput, options ...func(*sesv2.Options),
) (*sesv2.SendEmailOutput, error) {
	return c.sendEmail(ctx, in, options...)
}
