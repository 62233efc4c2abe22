// Package webhook is the channel that posts each notification, signed by the Standard Webhooks specification, to a URL of
// the operator: a chat bridge, a paging system, a mail service with an API.
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

// Signer returns the headers that prove to the receiver that a body is ours. The ID is the same for every attempt.
type Signer interface {
	Sign(id string, now time.Time, body []byte) http.Header
}

// Config configures a Channel.
type Config struct {
	Signer Signer
	post.Config
}

// Channel posts notifications to a URL.
type Channel struct {
	poster *post.Poster
	sign   func(id string, now time.Time, body []byte) http.Header // a function, so that the key cannot be printed
	now    func() time.Time
}

// NewChannel returns a channel. The error names each field with a fault, without its value.
func NewChannel(c Config) (*Channel, error) {
	var signerErr error
	if c.Signer == nil {
		signerErr = errors.New("secrets: are missing")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	poster, err := post.NewPoster(c.Config)
	if err := errors.Join(err, signerErr); err != nil {
		return nil, err
	}
	return &Channel{poster: poster, sign: c.Signer.Sign, now: c.Now}, nil
}

// Notify implements notify.Channel.
func (c *Channel) Notify(ctx context.Context, m approval.Message) error {
	body, err := event.EncodeWithLink(m)
	if err != nil {
		return approval.Permanent(fmt.Errorf("encode the notification: %w", err))
	}
	header := c.sign(m.ID, c.now(), body)
	outbound.SetTrace(ctx, header)
	return c.poster.PostJSON(ctx, header, body)
}
