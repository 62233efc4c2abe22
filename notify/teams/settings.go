package teams

import (
	"regexp"
	"strings"

	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/notify/post"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
)

// Settings are the settings of a workflow of Microsoft Teams, or of a bot. They have a WebhookURL or an AppID.
type Settings struct {
	WebhookURL secret.Text `yaml:"webhook_url" doc:"URL of the workflow; it is a secret, because it grants the right to post"`
	Readers    string      `yaml:"audience" enum:"approver,group" doc:"approver: the workflow sends each card to the approver that it names; group: many people read what it posts, so one card is for all approvers and its link decides only if no approvers are named; a bot posts to a group"`

	AppID        string      `yaml:"app_id" doc:"application ID of a bot in Microsoft Entra, in place of webhook_url: its cards have buttons that decide, for POST /teams/messages"`
	AppSecret    secret.Text `yaml:"app_secret" doc:"client secret of the bot's application"`
	Tenant       string      `yaml:"tenant" doc:"ID of the tenant of the bot, whose members may decide"`
	ServiceURL   string      `yaml:"service_url" doc:"URL of the Bot Connector for the tenant, such as https://smba.trafficmanager.net/emea/TENANT/"`
	Conversation string      `yaml:"conversation" doc:"ID of the channel or chat to which the bot posts, such as 19:…@thread.tacv2"`
	LoginURL     string      `yaml:"login_url" doc:"URL in place of https://login.microsoftonline.com, where the bot gets its tokens"`
	OpenIDURL    string      `yaml:"openid_url" doc:"URL in place of https://login.botframework.com/v1/.well-known/openidconfiguration, which names the keys of the Bot Connector"`

	post.Reach `yaml:",inline"`

	notify.RateSetting `yaml:",inline"`
}

// SetDefaults implements setup.Defaulter.
func (s *Settings) SetDefaults(setup.Common) {
	if !s.IsBot() {
		setup.Default(&s.Readers, notify.AudienceApprover.String())
		return
	}
	setup.Default(&s.Readers, notify.AudienceGroup.String())
	setup.Default(&s.LoginURL, "https://login.microsoftonline.com")
	setup.Default(&s.OpenIDURL, "https://login.botframework.com/v1/.well-known/openidconfiguration")
}

// IsBot reports whether a bot posts the cards. Its cards have buttons.
func (s *Settings) IsBot() bool { return s.AppID != "" }

// guid matches an ID of Microsoft Entra.
var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// Validate implements setup.Validator.
func (s *Settings) Validate(c *setup.Check) {
	c.Enums(s)
	if s.IsBot() {
		s.validateBot(c)
		return
	}
	for name, isSet := range map[string]bool{
		"app_secret":   !s.AppSecret.IsZero(),
		"tenant":       s.Tenant != "",
		"service_url":  s.ServiceURL != "",
		"conversation": s.Conversation != "",
		"login_url":    s.LoginURL != "",
		"openid_url":   s.OpenIDURL != "",
	} {
		if isSet {
			c.Fault(name, "needs app_id: it is a setting of a bot")
		}
	}
	s.CheckURL(c, "webhook_url", s.WebhookURL)
}

func (s *Settings) validateBot(c *setup.Check) {
	if !s.WebhookURL.IsZero() {
		c.Fault("webhook_url", "does not go with app_id: a card is posted by a workflow or by a bot")
	}
	if s.Readers == notify.AudienceApprover.String() {
		c.Fault("audience", "must be group: a bot posts to a channel or chat, and its buttons tell who presses")
	}
	c.Required("app_secret", s.AppSecret.Reveal())
	c.Required("conversation", s.Conversation)
	if strings.ContainsAny(s.Conversation, " /?#") || len(s.Conversation) > maxConversation {
		c.Fault("conversation", "is not the ID of a channel or chat, such as 19:…@thread.tacv2")
	}
	for name, id := range map[string]string{"app_id": s.AppID, "tenant": s.Tenant} {
		if !guid.MatchString(id) {
			c.Fault(name, "must be an ID such as 01234567-89ab-cdef-0123-456789abcdef")
		}
	}
	s.CheckURL(c, "service_url", secret.New(s.ServiceURL))
	for name, url := range map[string]string{"login_url": s.LoginURL, "openid_url": s.OpenIDURL} {
		c.HTTPSURL(name, secret.New(url), s.AllowInternal || len(s.Prefixes) > 0)
	}
}

// Audience implements notify.Settings.
func (s *Settings) Audience() notify.Audience {
	if s.Readers == notify.AudienceGroup.String() {
		return notify.AudienceGroup
	}
	return notify.AudienceApprover
}

// Open implements notify.Settings.
func (s *Settings) Open(env setup.Env) (notify.Channel, error) {
	if !s.IsBot() {
		return NewChannel(Config{s.Config(s.WebhookURL, env)})
	}
	reach := s.Config(secret.New(s.ServiceURL), env)
	return NewBot(BotConfig{
		Settings: *s,
		Client: outbound.NewClient(outbound.ClientConfig{
			AllowInternal:   reach.AllowInternal,
			AllowedPrefixes: reach.AllowedPrefixes,
			AllowedPorts:    reach.AllowedPorts,
			IsOwnListener:   reach.IsOwnListener,
			Connections:     reach.Connections,
			Timeout:         reach.Timeout,
		}),
		Timeout: reach.Timeout,
		Now:     env.Now,
	})
}
