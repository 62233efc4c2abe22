// Package discord is the channel that posts each notification to a channel of Discord, through an incoming webhook:
// https://discord.com/developers/docs/resources/webhook#execute-webhook.
package discord

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

// Channel posts messages to one incoming webhook. It is safe for concurrent use.
type Channel struct{ poster *post.Poster }

// NewChannel returns a channel. The error names each wrong field of the Config, without its value.
func NewChannel(c Config) (*Channel, error) {
	confirmed, err := withConfirmation(c.URL)
	if err != nil {
		return nil, err
	}
	c.URL = confirmed
	poster, err := post.NewPoster(c.Config)
	if err != nil {
		return nil, err
	}
	return &Channel{poster}, nil
}

// withConfirmation returns the URL by which Discord answers after it has stored the message. Otherwise it also answers
// with success if it then cannot store the message.
func withConfirmation(webhook secret.Text) (secret.Text, error) {
	u, err := url.Parse(webhook.Reveal())
	if err != nil { // its text contains the URL
		return secret.Text{}, errors.New("url: is not an absolute http or https URL")
	}
	query := u.Query()
	query.Set("wait", "true")
	u.RawQuery = query.Encode()
	return secret.New(u.String()), nil
}

// Notify posts the message. See post.Poster.PostJSON for the meaning of the errors. Discord allows each webhook a few
// messages in some seconds, and asks for a pause by 429 with Retry-After.
func (c *Channel) Notify(ctx context.Context, m approval.Message) error {
	body, err := encodeMessage(m)
	if err != nil {
		return approval.Permanent(fmt.Errorf("encode the message: %w", err))
	}
	return c.poster.PostJSON(ctx, nil, body)
}
