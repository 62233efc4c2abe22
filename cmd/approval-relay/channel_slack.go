package main

import (
	"fmt"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/notify/slack"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/webhook"
)

// SlackChannelConfig is a Slack app in one workspace.
type SlackChannelConfig struct {
	Token          secret.Text   `yaml:"bot_token" doc:"bot token, xoxb-…, with chat:write, users:read and users:read.email"`
	Conversation   string        `yaml:"conversation" doc:"ID of the channel that messages go to, once for all approvers; without it each goes to its approver"`
	WebhookURL     secret.Text   `yaml:"webhook_url" doc:"incoming webhook, in place of token and conversation; its messages are edited only when somebody presses a button"`
	SigningSecrets []secret.Text `yaml:"signing_secrets" doc:"of the app, for POST /slack/interactions; without any, messages have a link and no buttons"`
	APIURL         string        `yaml:"api_url" doc:"in place of https://slack.com/api/, for tests and proxies"`
	ResponseHosts  []string      `yaml:"response_hosts" doc:"hosts that may be answered at; empty is hooks.slack.com"`
}

func (*SlackChannelConfig) fill(AWSConfig) {}

func (s *SlackChannelConfig) validate(l *loading, at string) {
	if len(s.SigningSecrets) > 0 {
		l.makes(at+".signing_secrets", func() error { _, err := webhook.NewSlack(secret.RevealAll(s.SigningSecrets)...); return err })
	}
}

func (s *SlackChannelConfig) room() bool { return s.Conversation != "" || s.WebhookURL.Reveal() != "" }

func (s *SlackChannelConfig) channel(_ string, m makers) (notify.Channel, error) {
	return slack.New(slack.Config{
		Token:        s.Token,
		Conversation: s.Conversation,
		WebhookURL:   s.WebhookURL,
		Buttons:      len(s.SigningSecrets) > 0,
		Users:        m.config.slackUsers(),
		APIURL:       s.APIURL,
		Client:       outbound.NewClient(outbound.ClientConfig{AllowInternal: true, Timeout: callTimeout}),
		Timeout:      callTimeout,
	})
}

// slackUsers are the Slack users of approvers, as configured.
func (c *Config) slackUsers() map[approval.PersonID]string {
	out := map[approval.PersonID]string{}
	for id, p := range c.People {
		if p.Slack != "" {
			out[approval.NewPersonID(id)] = p.Slack
		}
	}
	return out
}

// interactive says that people can decide in a chat.
func (c *Config) interactive() bool {
	for _, ch := range c.Channels {
		if ch.Slack != nil && len(ch.Slack.SigningSecrets) > 0 {
			return true
		}
	}
	return false
}

// interactions makes the way in for what is pressed in Slack; nil where nothing
// can be.
func (r *relay) interactions(channels map[string]notify.Channel) (*slack.Interactions, error) {
	c := slack.InteractionsConfig{
		Buttons: r.links,
		Decider: r.decider,
		Orders:  r.store,
		Client:  outbound.NewClient(outbound.ClientConfig{AllowInternal: true, Timeout: callTimeout}),
		Now:     time.Now,
		Log:     r.log,
		Observe: func(e slack.Event) { r.metrics.Slack(string(e)) },
	}
	for _, name := range sorted(r.config.Channels) {
		ch, is := channels[name].(*slack.Channel)
		if !is || len(r.config.Channels[name].Slack.SigningSecrets) == 0 {
			continue
		}
		verifier, err := webhook.NewSlack(secret.RevealAll(r.config.Channels[name].Slack.SigningSecrets)...)
		if err != nil {
			return nil, fmt.Errorf("channels.%s.slack: signing_secrets: %w", name, err)
		}
		c.Apps = append(c.Apps, slack.App{Verify: verifier.Verify, People: ch.People(), Editable: ch.Editable()})
		c.Hosts = append(c.Hosts, r.config.Channels[name].Slack.ResponseHosts...)
	}
	if len(c.Apps) == 0 {
		return nil, nil
	}
	return slack.NewInteractions(c), nil
}
