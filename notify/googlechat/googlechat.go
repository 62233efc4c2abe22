// Package googlechat is the channel that posts each notification as a card to a space of Google Chat, through an
// incoming webhook: https://developers.google.com/workspace/chat/quickstart/webhooks.
package googlechat

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/post"
	"github.com/approval-relay/approval-relay/secret"
)

// Config configures a Channel.
type Config struct{ post.Config }

// Channel posts cards to one incoming webhook. It is safe for concurrent use.
type Channel struct{ poster *post.Poster }

// NewChannel returns a channel. The error names the wrong field of the Config, without its value.
func NewChannel(c Config) (*Channel, error) {
	threaded, err := withThreads(c.URL)
	if err != nil {
		return nil, err
	}
	c.URL = threaded
	poster, err := post.NewPoster(c.Config)
	if err != nil {
		return nil, err
	}
	return &Channel{poster}, nil
}

// withThreads returns the URL by which Google Chat puts a message into the thread that the message names, and begins
// the thread if it does not exist. Without that option it ignores the thread.
func withThreads(webhook secret.Text) (secret.Text, error) {
	u, err := url.Parse(webhook.Reveal())
	if err != nil { // its text contains the URL
		return secret.Text{}, errors.New("url: is not an absolute http or https URL")
	}
	query := u.Query()
	query.Set("messageReplyOption", "REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD")
	u.RawQuery = query.Encode()
	return secret.New(u.String()), nil
}

// Notify posts the message. See post.Poster.PostJSON for the meaning of the errors. Google Chat takes one message a
// second in a space, and answers 429 beyond that.
func (c *Channel) Notify(ctx context.Context, m approval.Message) error {
	body, err := encodeMessage(m)
	if err != nil {
		return approval.Permanent(fmt.Errorf("encode the card: %w", err))
	}
	return c.poster.PostJSON(ctx, nil, body)
}
