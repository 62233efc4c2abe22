// Package slack is the channel that sends notifications to Slack, and the source of the decisions that approvers make by
// its buttons.
//
// With a bot token, a message goes to each approver directly, or to a Slack channel that all approvers read. It is edited
// when the approval closes. With an incoming webhook, the message goes to the Slack channel of the webhook, and we cannot
// edit it.
package slack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
)

// Config has the settings of a channel, and its environment.
type Config struct {
	Settings
	// Users has the Slack users of approvers, USER or TEAM/USER, by normalised approver ID. Other approvers are found by
	// their e-mail address.
	Users map[approval.PersonID]string
	// Client must not follow redirects. Nil means the client of package outbound, without the guard against internal
	// addresses, because the operator chooses the address.
	Client *http.Client
	// Timeout bounds an attempt: a server may accept the request and then stay silent. Zero means 10 s.
	Timeout time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Channel sends notifications to Slack.
type Channel struct {
	api          *calls // nil for a webhook
	webhook      secret.Text
	client       *http.Client
	conversation string
	buttons      bool
	timeout      time.Duration
	directory    *Directory
}

// NewChannel returns a channel. The error names each field of the settings with a fault, without its value.
func NewChannel(c Config) (*Channel, error) {
	if err := setup.FaultsOf(&c.Settings); err != nil {
		return nil, err
	}
	ch := &Channel{
		client:       c.Client,
		conversation: c.Conversation,
		buttons:      c.HasButtons(),
		timeout:      c.Timeout,
	}
	if ch.client == nil {
		ch.client = outbound.NewClient(outbound.ClientConfig{AllowInternal: true})
	}
	if ch.timeout == 0 {
		ch.timeout = 10 * time.Second
	}
	if !c.WebhookURL.IsZero() {
		ch.webhook = c.WebhookURL
	} else {
		ch.api = newCalls(ch.client, c.APIURL, c.Token)
	}
	ch.directory = newDirectory(c, ch.api)
	return ch, nil
}

// Directory returns the directory of the channel's workspace.
func (c *Channel) Directory() *Directory { return c.directory }

// EditsMessages reports whether the channel edits its messages when the approval closes. If not, the response to the
// deciding press of a button replaces the message.
func (c *Channel) EditsMessages() bool { return c.api != nil }

// OpenModal returns the function that opens a modal for the person that caused the trigger. A trigger opens a single
// modal, within three seconds. The function is nil if the channel has no API.
func (c *Channel) OpenModal() func(ctx context.Context, trigger string, view slack.ModalViewRequest) error {
	if c.api == nil {
		return nil
	}
	return c.api.openView
}

// Notify implements notify.Channel.
func (c *Channel) Notify(ctx context.Context, m approval.Message) error {
	_, err := c.Post(ctx, m)
	return err
}

// Post implements notify.Editable. The receipt is the Slack channel and the time stamp of the message.
func (c *Channel) Post(ctx context.Context, m approval.Message) (receipt string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	rendered := c.renderMessage(m)
	var progress outbound.Progress
	if c.api == nil {
		blocks := slack.Blocks{BlockSet: rendered.blocks}
		no := false
		err := slack.PostWebhookCustomHTTPContext(progress.ObserveRequest(ctx), c.webhook.Reveal(), c.client,
			&slack.WebhookMessage{
				Text:        rendered.text,
				Blocks:      &blocks,
				UnfurlLinks: &no,
				UnfurlMedia: &no,
			})
		return "", judgeError(ctx, &progress, err)
	}
	conversation := c.conversation
	if conversation == "" {
		if conversation, err = c.directory.FindUser(ctx, m.Approver); err != nil {
			return "", fmt.Errorf("find the approver: %w", err)
		}
	}
	postedIn, stamp, err := c.api.postMessage(progress.ObserveRequest(ctx), conversation, rendered)
	if err != nil {
		return "", judgeError(ctx, &progress, err)
	}
	return postedIn + "/" + stamp, nil
}

// Edit implements notify.Editable. A message that no longer exists has no buttons either, so its absence is not an error.
func (c *Channel) Edit(ctx context.Context, receipt string, m approval.Message) error {
	postedIn, stamp, ok := strings.Cut(receipt, "/")
	if !ok || c.api == nil {
		return approval.Permanent(errors.New("the message cannot be found again"))
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var progress outbound.Progress
	err := c.api.updateMessage(progress.ObserveRequest(ctx), postedIn, stamp, c.renderMessage(m))
	if refusal, ok := errors.AsType[slack.SlackErrorResponse](err); ok && refusal.Err == "message_not_found" {
		return nil
	}
	return judgeError(ctx, &progress, err)
}
