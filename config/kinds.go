package config

import (
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/callback/codepipeline"
	"github.com/approval-relay/approval-relay/callback/httptarget"
	"github.com/approval-relay/approval-relay/callback/lambda"
	"github.com/approval-relay/approval-relay/callback/sqstarget"
	"github.com/approval-relay/approval-relay/callback/stepfunctions"
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/notify/discord"
	"github.com/approval-relay/approval-relay/notify/eventbridge"
	"github.com/approval-relay/approval-relay/notify/googlechat"
	"github.com/approval-relay/approval-relay/notify/logchannel"
	"github.com/approval-relay/approval-relay/notify/ses"
	"github.com/approval-relay/approval-relay/notify/slack"
	"github.com/approval-relay/approval-relay/notify/smtp"
	"github.com/approval-relay/approval-relay/notify/sns"
	"github.com/approval-relay/approval-relay/notify/teams"
	notifywebhook "github.com/approval-relay/approval-relay/notify/webhook"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/webhook"
)

// Kind is a kind of channel, target or scheme, as a list in this file has it: the name of its field in the
// configuration, a line for the documentation, and a function that makes empty settings of it.
type Kind[S any] struct {
	Name string
	Doc  string
	New  func() S
}

// ChannelKinds lists the kinds of channels. To add one, write its package and add a line here.
func ChannelKinds() []Kind[notify.Settings] {
	return []Kind[notify.Settings]{
		{"log", "prints the link on the standard output, for trying out", func() notify.Settings { return new(logchannel.Settings) }},
		{"smtp", "e-mail", func() notify.Settings { return new(smtp.Settings) }},
		{"ses", "e-mail through Amazon SES", func() notify.Settings { return new(ses.Settings) }},
		{"slack", "Slack, by a bot or an incoming webhook; its buttons decide", func() notify.Settings { return new(slack.Settings) }},
		{"teams", "a card in Microsoft Teams, through a workflow of its Workflows app, or by a bot whose buttons decide",
			func() notify.Settings { return new(teams.Settings) }},
		{"discord", "a message in a channel of Discord, through an incoming webhook",
			func() notify.Settings { return new(discord.Settings) }},
		{"googlechat", "a card in a space of Google Chat, through an incoming webhook",
			func() notify.Settings { return new(googlechat.Settings) }},
		{"webhook", "a signed POST for each notification", func() notify.Settings { return new(notifywebhook.Settings) }},
		{"sns", "an event for programs, without the link, in an SNS topic", func() notify.Settings { return new(sns.Settings) }},
		{"eventbridge", "an event for programs, without the link, on an event bus of Amazon EventBridge, as a CloudEvent",
			func() notify.Settings { return new(eventbridge.Settings) }},
	}
}

// TargetKinds lists the kinds of targets. To add one, write its package and add a line here.
func TargetKinds() []Kind[callback.Settings] {
	return []Kind[callback.Settings]{
		{"stepfunctions", "SendTaskSuccess, SendTaskFailure, SendTaskHeartbeat",
			func() callback.Settings { return new(stepfunctions.Settings) }},
		{"lambda", "Lambda durable functions: SendDurableExecutionCallbackSuccess, …Failure, …Heartbeat; the token is the callback ID",
			func() callback.Settings { return new(lambda.Settings) }},
		{"codepipeline", "manual approvals of CodePipeline: PutApprovalResult; the token is PIPELINE/STAGE/ACTION/TOKEN",
			func() callback.Settings { return new(codepipeline.Settings) }},
		{"sqs", "a message to one of the queues that the target names; the token is NAME:CALLBACK_ID, or the callback ID alone",
			func() callback.Settings { return new(sqstarget.Settings) }},
		{"http", "a signed POST to the callback URL of the request", func() callback.Settings { return new(httptarget.Settings) }},
	}
}

// SchemeKinds lists the schemes by which webhooks are verified. To add one, write its settings and add a line here.
func SchemeKinds() []Kind[webhook.Settings] {
	return slices.Concat([]Kind[webhook.Settings]{
		{"hmac", "HMAC of the body, and of a time, ID, method or URL, in a header",
			func() webhook.Settings { return new(webhook.HMACSettings) }},
		{"bearer", "bearer token", func() webhook.Settings { return new(webhook.BearerSettings) }},
		{"token", "a token in a header", func() webhook.Settings { return new(webhook.TokenSettings) }},
		{"basic", "HTTP basic authentication", func() webhook.Settings { return new(webhook.BasicSettings) }},
		{"query", "a token in the query of the URL, for senders that can send it in no other place",
			func() webhook.Settings { return new(webhook.QuerySettings) }},
		{"standard", "Standard Webhooks, also with the names of Svix",
			func() webhook.Settings { return new(webhook.StandardSettings) }},
		{"slack", "Slack: signing secret, X-Slack-Signature", func() webhook.Settings { return new(webhook.SlackSettings) }},
		{"sns", "Amazon SNS over HTTPS: signature versions 1 and 2; the subscription is confirmed automatically",
			func() webhook.Settings { return new(webhook.SNSSettings) }},
		{"client_certificate", "mutual TLS, verified by public.tls, or by a proxy that states the client in a header; " +
			"the proxy must remove that header from all other requests",
			func() webhook.Settings { return new(webhook.CertificateSettings) }},
	}, presetKinds())
}

// Channel is a channel of the file: a mapping with the kind's name as its only field.
type Channel struct{ selection[notify.Settings] }

// Target is a target of the file: a mapping with the kind's name as its only field.
type Target struct{ selection[callback.Settings] }

// Scheme is the scheme of a webhook: a field with the kind's name, beside the fields of Webhook.
type Scheme struct{ selection[webhook.Settings] }

// NewChannel returns a channel with these settings, for configurations made by code.
func NewChannel(kind string, s notify.Settings) Channel {
	return Channel{selection[notify.Settings]{kind: kind, settings: s}}
}

// NewTarget returns a target with these settings, for configurations made by code.
func NewTarget(kind string, s callback.Settings) Target {
	return Target{selection[callback.Settings]{kind: kind, settings: s}}
}

// Choices returns the names of all kinds with empty settings of each.
func (*Channel) Choices() []Choice { return choicesOf(ChannelKinds()) }

// Choices returns the names of all kinds with empty settings of each.
func (*Target) Choices() []Choice { return choicesOf(TargetKinds()) }

// Choices returns the names of all kinds with empty settings of each.
func (*Scheme) Choices() []Choice { return choicesOf(SchemeKinds()) }

func (*Channel) noun() string { return "kind of channel" }
func (*Target) noun() string  { return "kind of target" }
func (*Scheme) noun() string  { return "scheme" }

// Choice is a Kind without its type parameter, for the code that reads, describes and checks all kinds alike.
type Choice struct {
	Name     string
	Doc      string
	Settings any // a pointer to empty settings
}

// Chooser is a part of the file that names a kind: a Channel, a Target or a Scheme.
type Chooser interface {
	Choices() []Choice                    // the kinds that it may name
	noun() string                         // for messages, such as "kind of channel"
	current() (kind string, settings any) // the kind that it names, or ""
	choose(kind string, settings any)     // is called when the file names a kind
	misspell()                            // is called when the file names an unknown kind
}

// selection is the kind that a part of the file has named, with its settings. A faulty file can name several kinds; the
// first counts.
type selection[S any] struct {
	kind     string
	settings S
	others   []string // further kinds
	misspelt bool     // the file names an unknown kind
}

// Kind returns the name of the kind, or the empty text if the file names no kind.
func (c selection[S]) Kind() string { return c.kind }

// Settings returns the settings of the kind, or nil if the file names no kind.
func (c selection[S]) Settings() S { return c.settings }

// IsSet reports whether the file names a kind.
func (c selection[S]) IsSet() bool { return c.kind != "" }

// isUnknown reports whether the file names only an unknown kind. That fault was reported already, so checks that depend
// on the kind are skipped.
func (c selection[S]) isUnknown() bool { return c.misspelt && c.kind == "" }

// isValid reports whether the file names exactly one kind.
func (c selection[S]) isValid() bool { return c.kind != "" && len(c.others) == 0 }

func (c *selection[S]) current() (kind string, settings any) { return c.kind, c.settings }

func (c *selection[S]) choose(kind string, settings any) {
	if c.kind != "" && c.kind != kind {
		c.others = append(c.others, kind)
		return
	}
	c.kind = kind
	c.settings, _ = settings.(S)
}

func (c *selection[S]) misspell() { c.misspelt = true }

// validateKind reports a missing kind, several kinds, and every fault of the settings.
func (c selection[S]) validateKind(check *setup.Check, chooser Chooser) {
	switch {
	case c.isUnknown():
	case !c.IsSet():
		check.Fault("", "names no %s; there are %s", chooser.noun(), strings.Join(choiceNames(chooser), ", "))
	case len(c.others) > 0:
		kinds := strings.Join(append([]string{c.kind}, c.others...), " and ")
		check.Fault("", "names %s; it must be exactly one %s", kinds, chooser.noun())
	default:
		if v, ok := any(c.settings).(setup.Validator); ok {
			v.Validate(check.At(c.kind))
		}
		if r, ok := any(c.settings).(notify.RateLimited); ok {
			r.CheckRate(check.At(c.kind))
		}
		if n, ok := any(c.settings).(setup.Concurrent); ok {
			n.CheckConcurrency(check.At(c.kind))
		}
	}
}

func choicesOf[S any](kinds []Kind[S]) []Choice {
	list := make([]Choice, len(kinds))
	for i, k := range kinds {
		list[i] = Choice{Name: k.Name, Doc: k.Doc, Settings: k.New()}
	}
	return list
}

func choiceNames(c Chooser) []string {
	choices := c.Choices()
	names := make([]string, len(choices))
	for i, choice := range choices {
		names[i] = choice.Name
	}
	return names
}
