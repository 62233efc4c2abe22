package slack

import (
	"context"

	"github.com/slack-go/slack"
)

// calls are the methods of a Slack client that the package uses. They do not show the client, whose token could be printed
// and whose other methods would all be in the program: see outbound.OperationNames.
type calls struct {
	authTest      func(context.Context) (*slack.AuthTestResponse, error)
	openView      func(context.Context, string, slack.ModalViewRequest) (*slack.ViewResponse, error)
	postMessage   func(context.Context, string, ...slack.MsgOption) (string, string, error)
	updateMessage func(context.Context, string, string, ...slack.MsgOption) (string, string, string, error)
	userByEmail   func(context.Context, string) (*slack.User, error)
	userInfo      func(context.Context, string, ...slack.GetUserInfoOption) (*slack.User, error)
}

func newCalls(client *slack.Client) *calls {
	return &calls{
		authTest:      client.AuthTestContext,
		openView:      client.OpenViewContext,
		postMessage:   client.PostMessageContext,
		updateMessage: client.UpdateMessageContext,
		userByEmail:   client.GetUserByEmailContext,
		userInfo:      client.GetUserInfoContext,
	}
}
