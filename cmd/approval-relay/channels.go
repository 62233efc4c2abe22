package main

import (
	"fmt"
	"io"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/notify/logchannel"
	"github.com/approval-relay/approval-relay/notify/post"
	"github.com/approval-relay/approval-relay/notify/sns"
	"github.com/approval-relay/approval-relay/notify/teams"
	notifywebhook "github.com/approval-relay/approval-relay/notify/webhook"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/webhook"
)

// ChannelConfig is one channel: exactly one of its fields is set.
type ChannelConfig struct {
	Log     *LogChannelConfig     `yaml:"log" doc:"prints the link on the standard output, for trying out"`
	SMTP    *SMTPConfig           `yaml:"smtp" doc:"e-mail"`
	SES     *SESConfig            `yaml:"ses" doc:"e-mail through Amazon SES"`
	Slack   *SlackChannelConfig   `yaml:"slack" doc:"Slack, by a bot or an incoming webhook; its buttons decide"`
	Teams   *TeamsConfig          `yaml:"teams" doc:"a card in Microsoft Teams, through a workflow of its Workflows app"`
	Webhook *WebhookChannelConfig `yaml:"webhook" doc:"a signed POST for each notification"`
	SNS     *SNSChannelConfig     `yaml:"sns" doc:"an event for machines, without the link, in an SNS topic"`
}

// channelKind is a kind of channel.
type channelKind interface {
	checked
	// channel makes it; at is its place in the configuration.
	channel(at string, m makers) (notify.Channel, error)
}

// What a kind of channel may be besides.
type (
	// roomKind says whether many people read it, so that one message there is for all
	// approvers.
	roomKind interface{ room() bool }
	// eventKind takes events for programs.
	eventKind interface{ events() }
)

// makers is what channels and targets are made with.
type makers struct {
	config *Config
	stdout io.Writer
	// aws returns the SDK's configuration for a place. To check takes no credentials.
	aws func(awsPlace) (awssdk.Config, error)
}

// noAWS is for checking.
func noAWS(awsPlace) (awssdk.Config, error) { return awssdk.Config{}, nil }

// channels makes every channel.
func (r *relay) channels(stdout io.Writer) (map[string]notify.Channel, error) {
	out, m := map[string]notify.Channel{}, makers{r.config, stdout, r.aws.at}
	for _, name := range sorted(r.config.Channels) {
		ch, err := r.config.Channels[name].channel("channels."+name, m)
		if err != nil {
			return nil, fmt.Errorf("channels.%s: %w", name, err)
		}
		out[name] = ch
	}
	return out, nil
}

// channel makes the channel that a part of the configuration asks for. at is where
// that is.
func (ch ChannelConfig) channel(at string, m makers) (notify.Channel, error) {
	k := chosen[channelKind](ch)[0]
	return k.is.channel(at+"."+k.name, m)
}

// room says whether many people read the channel.
func (ch ChannelConfig) room() bool {
	is, ok := only[channelKind](ch).(roomKind)
	return ok && is.room()
}

// takesEvents says whether programs are told by it.
func (ch ChannelConfig) takesEvents() bool {
	_, ok := only[channelKind](ch).(eventKind)
	return ok
}

// posting says how channels post to a URL.
func posting(url string, internal bool) post.Config {
	return post.Config{URL: url, AllowInternal: internal, Timeout: callTimeout}
}

// LogChannelConfig has no fields.
type LogChannelConfig struct{}

func (*LogChannelConfig) fill(AWSConfig)            {}
func (*LogChannelConfig) validate(*loading, string) {}
func (*LogChannelConfig) events()                   {}

func (*LogChannelConfig) channel(_ string, m makers) (notify.Channel, error) {
	return logchannel.New(m.stdout), nil
}

// TeamsConfig is one workflow of Microsoft Teams.
type TeamsConfig struct {
	WebhookURL    secret.Text `yaml:"webhook_url" doc:"URL of the workflow; whoever has it can post, so it is a secret"`
	AllowInternal bool        `yaml:"allow_internal" doc:"let the URL lead to an internal address, and be http"`
	Room          bool        `yaml:"room" doc:"many people read what the workflow posts: one card for all approvers, whose link decides only where no approvers are named"`
}

func (*TeamsConfig) fill(AWSConfig) {}

func (t *TeamsConfig) validate(l *loading, at string) {
	linkURL(l, at+".webhook_url", t.WebhookURL.Reveal(), t.AllowInternal)
}

func (t *TeamsConfig) room() bool { return t.Room }

func (t *TeamsConfig) channel(string, makers) (notify.Channel, error) {
	return teams.New(teams.Config{Config: posting(t.WebhookURL.Reveal(), t.AllowInternal)})
}

// WebhookChannelConfig is a webhook for notifications.
type WebhookChannelConfig struct {
	URL           string        `yaml:"url" doc:"where to post"`
	Secrets       []secret.Text `yaml:"secrets" doc:"whsec_…; the first signs, more sign too while they rotate"`
	AllowInternal bool          `yaml:"allow_internal" doc:"let the URL lead to an internal address, and be http"`
}

func (*WebhookChannelConfig) fill(AWSConfig) {}
func (*WebhookChannelConfig) events()        {}

func (w *WebhookChannelConfig) validate(l *loading, at string) {
	linkURL(l, at+".url", w.URL, w.AllowInternal)
	if len(w.Secrets) == 0 {
		l.fault(at+".secrets", "are missing")
	}
}

func (w *WebhookChannelConfig) channel(string, makers) (notify.Channel, error) {
	signer, err := webhook.NewStandard(secret.RevealAll(w.Secrets)...)
	if err != nil {
		return nil, err
	}
	return notifywebhook.New(notifywebhook.Config{Signer: signer, Config: posting(w.URL, w.AllowInternal)})
}

// SNSChannelConfig is a topic for notifications.
type SNSChannelConfig struct {
	Topic    string `yaml:"topic" doc:"ARN of a standard topic"`
	Region   string `yaml:"region" doc:"region; empty takes the topic's"`
	Endpoint string `yaml:"endpoint" doc:"endpoint, for emulators; empty takes aws.endpoint"`
	Role     string `yaml:"role" doc:"ARN of a role to assume; empty publishes with our own credentials"`
}

func (s *SNSChannelConfig) fill(a AWSConfig) {
	if parts := strings.Split(s.Topic, ":"); len(parts) == 6 {
		set(&s.Region, parts[3])
	}
	set(&s.Region, a.Region) // emulators leave it out of their ARNs
	set(&s.Endpoint, a.Endpoint)
}

func (*SNSChannelConfig) events() {}

func (s *SNSChannelConfig) validate(l *loading, at string) {
	if !strings.HasPrefix(s.Topic, "arn:") || strings.Count(s.Topic, ":") != 5 {
		l.fault(at+".topic", "is no ARN of a topic")
	}
	role(l, at+".role", s.Role)
}

func (s *SNSChannelConfig) channel(_ string, m makers) (notify.Channel, error) {
	cfg, err := m.aws(awsPlace{s.Region, s.Endpoint, s.Role})
	if err != nil {
		return nil, err
	}
	return sns.New(awssns.NewFromConfig(cfg), sns.Config{Topic: s.Topic, Timeout: callTimeout})
}
