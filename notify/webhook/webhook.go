// Package webhook is the channel that posts each notification, signed as
// Standard Webhooks, to a URL of the operator's choice: a chat bridge, a paging
// system, a mail service with an API.
package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/event"
	"github.com/approval-relay/approval-relay/notify/post"
	"github.com/approval-relay/approval-relay/outbound"
)

// Signer returns the headers that prove to the receiver that a body is ours. The
// ID is the same for every attempt to send it.
type Signer interface {
	Sign(id string, now time.Time, body []byte) http.Header
}

// Config is the configuration of a channel.
type Config struct {
	Signer Signer
	post.Config
}

// Channel posts notifications to one URL.
type Channel struct {
	post   *post.Poster
	signer func(id string, now time.Time, body []byte) http.Header
	now    func() time.Time
}

// New returns a channel. The error names each field of the Config that is at
// fault, without its value.
func New(c Config) (*Channel, error) {
	var signerErr error
	if c.Signer == nil {
		signerErr = errors.New("secrets: are missing")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	p, err := post.New(c.Config)
	if err := errors.Join(err, signerErr); err != nil {
		return nil, err
	}
	return &Channel{post: p, signer: c.Signer.Sign, now: c.Now}, nil
}

// Notify posts the message.
func (c *Channel) Notify(ctx context.Context, m approval.Message) error {
	body, err := event.Encode(m)
	if err != nil {
		return approval.Permanent(fmt.Errorf("encode the notification: %w", err))
	}
	header := c.signer(m.ID, c.now(), body)
	outbound.SetTrace(ctx, header)
	return c.post.JSON(ctx, header, body)
}
