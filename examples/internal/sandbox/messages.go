package sandbox

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/notify/slack/slacktest"
)

// notificationsPath is the path of the URL to which channels of the kind webhook post.
const notificationsPath = "/notifications"

// Message is a notification that a system around the worker has received.
type Message struct {
	System string // mail, slack or webhook
	To     string // the approver; empty for a message to a group
	Title  string
	Text   string
	Link   string // to the decision page
	// Slack is the message as Slack shows it, with its buttons, if System is slack.
	Slack slacktest.Message
}

// linkForm matches links to the decision page.
var linkForm = regexp.MustCompile(`http://[^\s"<>|]+/a/[A-Za-z0-9._-]+`)

// Messages returns the messages so far.
func (s *Sandbox) Messages() []Message {
	s.mail.mu.Lock()
	messages := slices.Clone(s.mail.messages)
	s.mail.mu.Unlock()
	messages = append(messages, s.posts.messages()...)
	for _, m := range s.Slack.Messages() {
		messages = append(messages, s.fromSlack(m))
	}
	return messages
}

func (s *Sandbox) fromSlack(m slacktest.Message) Message {
	message := Message{System: "slack", Title: m.Text, Slack: m}
	for _, user := range s.Slack.Users {
		if strings.Replace(user.ID, "U", "D", 1) == m.Channel { // the direct messages of the user
			message.To = user.Email
		}
	}
	for _, block := range m.Blocks {
		if block.Text != nil {
			message.Text += block.Text.Text + "\n"
		}
		for _, element := range block.Elements {
			if element.URL != "" {
				message.Link = element.URL
			}
		}
	}
	return message
}

// WaitForMessage returns the first message of a system to an approver. An empty approver stands for a group.
func (s *Sandbox) WaitForMessage(ctx context.Context, system, to string) (Message, error) {
	for {
		for _, m := range s.Messages() {
			if m.System == system && m.To == to {
				return m, nil
			}
		}
		if err := pause(ctx); err != nil {
			return Message{}, fmt.Errorf("no message by %s to %q: %w", system, to, err)
		}
	}
}

// pause waits for the time between two looks, or returns the context's error.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(20 * time.Millisecond):
		return nil
	}
}
