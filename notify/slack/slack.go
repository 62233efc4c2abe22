// Package slack is the channel that asks approvers in Slack, and the way in for
// what they press there.
//
// With a bot token a message goes to each approver by themselves, or once to a
// channel that all of them read; it is edited when all is over. With an incoming
// webhook it goes to the webhook's channel and cannot be edited by us.
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

// Config is what a channel is made of: its settings, and the environment.
type Config struct {
	Settings
	// Users has the Slack user IDs of approvers, by normalised approver ID. Other approvers are found by their e-mail
	// address.
	Users map[approval.PersonID]string
	// Client sends and must not follow redirects. Nil means the client of package outbound. The guard against
	// internal addresses is not needed, because the operator chooses the address.
	Client *http.Client
	// Timeout bounds one attempt: a server that accepts the request and then stays silent. 0 means 10 s.
	Timeout time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Channel asks approvers in Slack.
type Channel struct {
	api          func() *slack.Client // nil for a webhook; a function, so that its token cannot be printed
	webhook      secret.Text
	client       *http.Client
	conversation string
	buttons      bool
	timeout      time.Duration
	people       *Directory
}

// New returns a channel. The error names each field of the Config that is at
// fault, without its value.
func New(c Config) (*Channel, error) {
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
		options := []slack.Option{slack.OptionHTTPClient(ch.client)}
		if c.APIURL != "" {
			options = append(options, slack.OptionAPIURL(strings.TrimSuffix(c.APIURL, "/")+"/"))
		}
		api := slack.New(c.Token.Reveal(), options...)
		ch.api = func() *slack.Client { return api }
	}
	ch.people = newDirectory(ch.api, c.Users, c.Now)
	return ch, nil
}

// Directory returns who is who in this channel's workspace.
func (c *Channel) Directory() *Directory { return c.people }

// EditsMessages says whether messages are edited by us when all is over. Where they
// are not, whoever presses a button has the message replaced.
func (c *Channel) EditsMessages() bool { return c.api != nil }

// Notify sends the message.
func (c *Channel) Notify(ctx context.Context, m approval.Message) error {
	_, err := c.Post(ctx, m)
	return err
}

// Post sends the message, and returns where it is.
func (c *Channel) Post(ctx context.Context, m approval.Message) (receipt string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	s := c.render(m)
	var progress outbound.Progress
	if c.api == nil {
		blocks := slack.Blocks{BlockSet: s.blocks}
		no := false
		err := slack.PostWebhookCustomHTTPContext(progress.Observe(ctx), c.webhook.Reveal(), c.client, &slack.WebhookMessage{
			Text:        s.text,
			Blocks:      &blocks,
			UnfurlLinks: &no,
			UnfurlMedia: &no,
		})
		return "", judge(ctx, &progress, err)
	}
	to := c.conversation
	if to == "" {
		if to, err = c.people.FindUser(ctx, m.Approver); err != nil {
			return "", fmt.Errorf("find the approver: %w", err)
		}
	}
	where, stamp, err := c.api().PostMessageContext(progress.Observe(ctx), to, s.options()...)
	if err != nil {
		return "", judge(ctx, &progress, err)
	}
	return where + "/" + stamp, nil
}

// Edit makes the message of a receipt say how the approval ended. One that is no
// longer there has nothing left to press.
func (c *Channel) Edit(ctx context.Context, receipt string, m approval.Message) error {
	where, stamp, ok := strings.Cut(receipt, "/")
	if !ok || c.api == nil {
		return approval.Permanent(errors.New("the message cannot be found again"))
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var progress outbound.Progress
	_, _, _, err := c.api().UpdateMessageContext(progress.Observe(ctx), where, stamp, c.render(m).options()...)
	if said, ok := errors.AsType[slack.SlackErrorResponse](err); ok && said.Err == "message_not_found" {
		return nil
	}
	return judge(ctx, &progress, err)
}
