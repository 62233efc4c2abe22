package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sesv2"

	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/notify/email"
	"github.com/approval-relay/approval-relay/notify/ses"
	"github.com/approval-relay/approval-relay/notify/smtp"
	"github.com/approval-relay/approval-relay/secret"
)

// SMTPConfig is a mail server.
type SMTPConfig struct {
	Host     string      `yaml:"host" doc:"mail server"`
	Port     int         `yaml:"port" doc:"587 for starttls, 465 for tls"`
	TLS      string      `yaml:"tls" doc:"starttls, tls or none"`
	From     string      `yaml:"from" doc:"sender's address"`
	Username string      `yaml:"username" doc:"empty sends without signing in"`
	Password secret.Text `yaml:"password" doc:"password"`

	Templates TemplatesConfig `yaml:"templates" doc:"Go templates in place of the built-in e-mail"`
}

func (s *SMTPConfig) fill(AWSConfig) {
	set(&s.TLS, "starttls")
	if s.TLS == "tls" {
		set(&s.Port, 465)
	}
	set(&s.Port, 587)
}

func (s *SMTPConfig) validate(l *loading, at string) {
	oneOf(l, at+".tls", s.TLS, "starttls", "tls", "none")
	within(l, at+".port", s.Port, 1, 65535)
	if s.Host == "" {
		l.fault(at+".host", "is missing")
	}
	if !strings.Contains(s.From, "@") {
		l.fault(at+".from", "is no address")
	}
	_, err := s.Templates.read(at)
	l.wrong(at, err)
}

func (s *SMTPConfig) channel(at string, _ makers) (notify.Channel, error) {
	templates, err := s.Templates.read(at)
	if err != nil {
		return nil, err
	}
	return smtp.New(smtp.Config{
		Host:      s.Host,
		Port:      s.Port,
		TLS:       smtp.TLS(s.TLS),
		From:      s.From,
		Username:  s.Username,
		Password:  s.Password,
		Timeout:   callTimeout,
		Templates: templates,
	})
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

func (s *SESConfig) fill(a AWSConfig) {
	set(&s.Region, a.Region)
	set(&s.Endpoint, a.Endpoint)
}

func (s *SESConfig) validate(l *loading, at string) {
	if !strings.Contains(s.From, "@") {
		l.fault(at+".from", "is no address")
	}
	role(l, at+".role", s.Role)
	_, err := s.Templates.read(at)
	l.wrong(at, err)
}

func (s *SESConfig) channel(at string, m makers) (notify.Channel, error) {
	templates, err := s.Templates.read(at)
	if err != nil {
		return nil, err
	}
	cfg, err := m.aws(awsPlace{s.Region, s.Endpoint, s.Role})
	if err != nil {
		return nil, err
	}
	return ses.New(sesv2.NewFromConfig(cfg), ses.Config{
		From:             s.From,
		ConfigurationSet: s.ConfigurationSet,
		Templates:        templates,
		Timeout:          callTimeout,
	})
}

// TemplatesConfig names files with Go templates.
type TemplatesConfig struct {
	Subject string `yaml:"subject" doc:"path of a text/template; what it makes is put on one line"`
	Text    string `yaml:"text" doc:"path of a text/template, which must show {{.Link}}"`
	HTML    string `yaml:"html" doc:"path of an html/template, which must have href=\"{{.Link}}\""`
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
