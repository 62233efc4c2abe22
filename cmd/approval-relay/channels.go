package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/notify/email"
	"github.com/approval-relay/approval-relay/notify/ses"
	"github.com/approval-relay/approval-relay/notify/smtp"
	"github.com/approval-relay/approval-relay/notify/sns"
)

// TemplatesConfig names files with Go templates.
type TemplatesConfig struct {
	Subject string `yaml:"subject" doc:"path of a text/template; what it makes is put on one line"`
	Text    string `yaml:"text" doc:"path of a text/template, which must show {{.Link}}"`
	HTML    string `yaml:"html" doc:"path of an html/template, which must have href=\"{{.Link}}\""`
}

// SESConfig is Amazon SES in one account and region.
type SESConfig struct {
	Region           string `yaml:"region" doc:"region; empty takes aws.region"`
	Endpoint         string `yaml:"endpoint" doc:"endpoint, for emulators; empty takes aws.endpoint"`
	Role             string `yaml:"role" doc:"ARN of a role to assume; empty sends with our own credentials"`
	From             string `yaml:"from" doc:"sender's address, which SES has verified"`
	ConfigurationSet string `yaml:"configuration_set" doc:"configuration set, for events of bounces and complaints; opens and clicks are never tracked"`

	Templates TemplatesConfig `yaml:"templates" doc:"Go templates in place of the built-in e-mail"`
}

// TeamsConfig is one workflow of Microsoft Teams.
type TeamsConfig struct {
	WebhookURL    Secret `yaml:"webhook_url" doc:"URL of the workflow; whoever has it can post, so it is a secret"`
	AllowInternal bool   `yaml:"allow_internal" doc:"let the URL lead to an internal address"`
	Room          bool   `yaml:"room" doc:"many people read what the workflow posts: one card for all approvers, whose link decides only where no approvers are named"`
}

// SNSChannelConfig is a topic for notifications.
type SNSChannelConfig struct {
	Topic    string `yaml:"topic" doc:"ARN of a standard topic"`
	Region   string `yaml:"region" doc:"region; empty takes the topic's"`
	Endpoint string `yaml:"endpoint" doc:"endpoint, for emulators; empty takes aws.endpoint"`
	Role     string `yaml:"role" doc:"ARN of a role to assume; empty publishes with our own credentials"`
}

func (s *SESConfig) fill(a AWSConfig) {
	set(&s.Region, a.Region)
	set(&s.Endpoint, a.Endpoint)
}

func (s *SNSChannelConfig) fill(a AWSConfig) {
	if parts := strings.Split(s.Topic, ":"); len(parts) == 6 {
		set(&s.Region, parts[3])
	}
	set(&s.Region, a.Region) // emulators leave it out of their ARNs
	set(&s.Endpoint, a.Endpoint)
}

func (s *SESConfig) validate(l *loading, at string) {
	if !strings.Contains(s.From, "@") {
		l.fault(at+".from", "is no address")
	}
	role(l, at+".role", s.Role)
}

func (s *SNSChannelConfig) validate(l *loading, at string) {
	if !strings.HasPrefix(s.Topic, "arn:") || strings.Count(s.Topic, ":") != 5 {
		l.fault(at+".topic", "is no ARN of a topic")
	}
	role(l, at+".role", s.Role)
}

// role checks an ARN such as arn:aws:iam::111122223333:role/mail.
func role(l *loading, at, arn string) {
	if arn != "" && (!strings.HasPrefix(arn, "arn:") || !strings.Contains(arn, ":role/")) {
		l.fault(at, "is no ARN of a role")
	}
}

// channelAPIs makes the clients of channels that call AWS.
type channelAPIs interface {
	emails(s SESConfig) (ses.API, error)
	topics(s SNSChannelConfig) (sns.API, error)
}

// noAWS makes none: to check a configuration takes no credentials.
type noAWS struct{}

func (noAWS) emails(SESConfig) (ses.API, error)        { return nil, nil } //nolint:nilnil // nothing is called
func (noAWS) topics(SNSChannelConfig) (sns.API, error) { return nil, nil } //nolint:nilnil // nothing is called

func smtpChannel(at string, s SMTPConfig) (handlers.Channel, error) {
	templates, err := s.Templates.read(at)
	if err != nil {
		return nil, err
	}
	return smtp.New(smtp.Config{
		Host: s.Host, Port: s.Port, TLS: smtp.TLS(s.TLS), From: s.From, Username: s.Username, Password: s.Password, Timeout: callTimeout,
		Templates: templates,
	})
}

func sesChannel(at string, s SESConfig, aws channelAPIs) (handlers.Channel, error) {
	templates, err := s.Templates.read(at)
	if err != nil {
		return nil, err
	}
	api, err := aws.emails(s)
	if err != nil {
		return nil, err
	}
	return ses.New(api, ses.Config{From: s.From, ConfigurationSet: s.ConfigurationSet, Templates: templates, Timeout: callTimeout})
}

func snsChannel(s SNSChannelConfig, aws channelAPIs) (handlers.Channel, error) {
	api, err := aws.topics(s)
	if err != nil {
		return nil, err
	}
	return sns.New(api, sns.Config{Topic: s.Topic, Timeout: callTimeout})
}

// templates says what is wrong with the templates of a channel, if it has any.
func (ch ChannelConfig) templates(at string) error {
	var err error
	switch {
	case ch.SMTP != nil:
		_, err = ch.SMTP.Templates.read(at + ".smtp")
	case ch.SES != nil:
		_, err = ch.SES.Templates.read(at + ".ses")
	}
	return err
}

// read reads the files and tries the templates out. The error is *Faults with the
// field, the file and its line.
func (t TemplatesConfig) read(at string) (*email.Templates, error) {
	var source email.Source
	faults := &Faults{}
	paths := map[string]string{"subject": t.Subject, "text": t.Text, "html": t.HTML}
	fault := func(part, what string) {
		faults.Faults = append(faults.Faults, Fault{Field: at + ".templates." + part, What: what})
	}
	for _, file := range []struct {
		part string
		into *string
	}{{"subject", &source.Subject}, {"text", &source.Text}, {"html", &source.HTML}} {
		path := paths[file.part]
		if path == "" {
			continue
		}
		b, err := os.ReadFile(path) //nolint:gosec // the operator names the file
		if err != nil {
			fault(file.part, err.Error())
		} else if len(b) == 0 { // not the same as none
			fault(file.part, path+" is empty")
		}
		*file.into = string(b)
	}
	templates, err := email.Parse(source)
	bad, _ := errors.AsType[email.Faults](err)
	for _, f := range bad {
		where := paths[f.Part]
		if f.Line > 0 {
			where = fmt.Sprintf("%s, line %d", where, f.Line)
		}
		fault(f.Part, where+": "+f.What)
	}
	if len(faults.Faults) > 0 {
		return nil, faults
	}
	return templates, nil
}
