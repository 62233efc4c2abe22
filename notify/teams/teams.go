// Package teams is the channel that posts each notification as an Adaptive Card to Microsoft Teams, through the URL of a
// workflow of the Workflows app ("When a Teams webhook request is received").
package teams

import (
	"context"
	"fmt"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/post"
)

// Config configures a Channel.
type Config struct{ post.Config }

// Channel posts cards to a workflow.
type Channel struct{ poster *post.Poster }

// NewChannel returns a channel. The error names the field with a fault, without its value.
func NewChannel(c Config) (*Channel, error) {
	poster, err := post.NewPoster(c.Config)
	if err != nil {
		return nil, err
	}
	return &Channel{poster}, nil
}

// Notify implements notify.Channel. The workflow answers 202 before Teams has the card, so nil means that the card was
// accepted, not that it is shown.
func (c *Channel) Notify(ctx context.Context, m approval.Message) error {
	body, err := encodeCard(m)
	if err != nil {
		return approval.Permanent(fmt.Errorf("encode the card: %w", err))
	}
	return c.poster.PostJSON(ctx, nil, body)
}
