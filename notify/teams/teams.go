// Package teams is the channel that posts each notification as an Adaptive Card
// to Microsoft Teams, through the URL that a workflow of the Workflows app listens
// at ("When a Teams webhook request is received").
package teams

import (
	"context"
	"fmt"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/post"
)

// Config is the configuration of a channel. Whoever has its URL can post as us,
// so it is a secret.
type Config struct{ post.Config }

// Channel posts cards to one workflow.
type Channel struct{ post *post.Poster }

// New returns a channel. The error names each field of the Config that is at
// fault, without its value.
func New(c Config) (*Channel, error) {
	p, err := post.New(c.Config)
	if err != nil {
		return nil, err
	}
	return &Channel{p}, nil
}

// Notify posts the message. The workflow answers 202 before Teams has the card,
// so nil says that it was taken, not that it is shown.
func (c *Channel) Notify(ctx context.Context, m approval.Message) error {
	body, err := encodeCard(m)
	if err != nil {
		return approval.Permanent(fmt.Errorf("encode the card: %w", err))
	}
	return c.post.JSON(ctx, nil, body)
}
