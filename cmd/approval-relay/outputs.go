package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"code.dny.dev/ssrf"
	"golang.org/x/time/rate"

	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/callback/httptarget"
	"github.com/approval-relay/approval-relay/callback/stepfunctions"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/notify/logchannel"
	"github.com/approval-relay/approval-relay/notify/post"
	"github.com/approval-relay/approval-relay/notify/slack"
	"github.com/approval-relay/approval-relay/notify/teams"
	notifywebhook "github.com/approval-relay/approval-relay/notify/webhook"
	"github.com/approval-relay/approval-relay/webhook"
)

// validURLs says of each target that takes callback URLs which it may call.
type validURLs map[string]func(url string) error

// targets makes every target.
func (r *relay) targets() (map[string]handlers.Target, validURLs, error) {
	out, valid := map[string]handlers.Target{}, validURLs{}
	limits := map[AWSTargetConfig]*stepfunctions.Limits{} // AWS counts by account and region
	for _, name := range sorted(r.config.Targets) {
		var err error
		switch t := r.config.Targets[name]; {
		case t.StepFunctions != nil:
			account := AWSTargetConfig{Region: t.StepFunctions.Region, Role: t.StepFunctions.Role}
			if limits[account] == nil {
				limits[account] = r.stepLimits(name, *t.StepFunctions)
			}
			out[name], err = r.aws.stepFunctions(*t.StepFunctions, limits[account])
		case t.Lambda != nil:
			out[name], err = r.aws.lambda(*t.Lambda, r.limiter(name, *t.Lambda))
		case t.CodePipeline != nil:
			out[name], err = r.aws.codePipeline(*t.CodePipeline, r.limiter(name, *t.CodePipeline))
		case t.HTTP != nil:
			var target *httptarget.Target
			if target, err = httpTarget(*t.HTTP); err == nil {
				out[name], valid[name] = target, target.ValidateURL
			}
		}
		if err != nil {
			return nil, nil, fmt.Errorf("targets.%s: %w", name, err)
		}
	}
	return out, valid, nil
}

func (r *relay) stepLimits(name string, s AWSTargetConfig) *stepfunctions.Limits {
	return &stepfunctions.Limits{Success: r.limiter(name, s), Failure: r.limiter(name, s), Heartbeat: r.limiter(name, s)}
}

func (r *relay) limiter(name string, s AWSTargetConfig) callback.Limiter {
	return turns{rate.NewLimiter(rate.Limit(s.Rate), s.Burst), func(d time.Duration) { r.metrics.Waited(name, d) }}
}

func httpTarget(h HTTPTargetConfig) (*httptarget.Target, error) {
	signer, err := webhook.NewStandard(reveal(h.Secrets)...)
	if err != nil {
		return nil, err
	}
	return httptarget.New(httptarget.Config{
		Signer: signer, Timeout: callTimeout, AllowHTTP: h.AllowHTTP, AllowPrivate: h.AllowInternal, AllowedHosts: h.AllowedHosts,
	}), nil
}

// channels makes every channel.
func (r *relay) channels(stdout io.Writer) (map[string]handlers.Channel, error) {
	out := map[string]handlers.Channel{}
	for _, name := range sorted(r.config.Channels) {
		ch, err := r.config.channel("channels."+name, r.config.Channels[name], stdout, r.aws)
		if err != nil {
			return nil, fmt.Errorf("channels.%s: %w", name, err)
		}
		out[name] = ch
	}
	return out, nil
}

// channel makes the channel that a part of the configuration asks for: one case a
// kind. at is where that is.
func (c *Config) channel(at string, ch ChannelConfig, stdout io.Writer, aws channelAPIs) (handlers.Channel, error) {
	switch {
	case ch.Slack != nil:
		s := ch.Slack
		return slack.New(slack.Config{
			Token: s.Token, Conversation: s.Conversation, WebhookURL: s.WebhookURL, Buttons: len(s.SigningSecrets) > 0, Users: c.slackUsers(),
			APIURL: s.APIURL, Client: outboundClient(true), Timeout: callTimeout,
		})
	case ch.SMTP != nil:
		return smtpChannel(at+".smtp", *ch.SMTP)
	case ch.SES != nil:
		return sesChannel(at+".ses", *ch.SES, aws)
	case ch.Teams != nil:
		return teams.New(teams.Config{Config: posting(ch.Teams.WebhookURL.Reveal(), ch.Teams.AllowInternal)})
	case ch.SNS != nil:
		return snsChannel(*ch.SNS, aws)
	case ch.Webhook != nil:
		signer, err := webhook.NewStandard(reveal(ch.Webhook.Secrets)...)
		if err != nil {
			return nil, err
		}
		return notifywebhook.New(notifywebhook.Config{Signer: signer, Config: posting(ch.Webhook.URL, ch.Webhook.AllowInternal)})
	}
	return logchannel.New(stdout), nil
}

// posting says how channels post to a URL.
func posting(url string, internal bool) post.Config {
	return post.Config{URL: url, Client: outboundClient(internal), Timeout: callTimeout}
}

// outboundClient returns an HTTP client that follows no redirects, and calls no internal
// addresses unless it may.
func outboundClient(internal bool) *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	if !internal {
		dialer.Control = ssrf.New(ssrf.WithAnyPort()).Safe
	}
	return &http.Client{
		Timeout:       callTimeout,
		Transport:     &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: 5 * time.Second, MaxIdleConnsPerHost: perOutput, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// room says whether many people read the channel, so that one message there is
// for all approvers.
func (ch ChannelConfig) room() bool {
	return ch.Teams != nil && ch.Teams.Room || ch.Slack != nil && (ch.Slack.Conversation != "" || ch.Slack.WebhookURL.Reveal() != "")
}

// slackUsers are the Slack users of approvers, as configured.
func (c *Config) slackUsers() map[string]string {
	out := map[string]string{}
	for id, p := range c.People {
		if p.Slack != "" {
			out[strings.ToLower(strings.TrimSpace(id))] = p.Slack
		}
	}
	return out
}

// interactions makes the way in for what is pressed in Slack; nil where nothing
// can be.
func (r *relay) interactions(channels map[string]handlers.Channel) (*slack.Interactions, error) {
	c := slack.InteractionsConfig{
		Buttons: r.links, Decider: r.decider, Orders: r.store, Client: outboundClient(true), Now: time.Now, Log: r.log,
		Observe: func(e slack.Event) { r.metrics.Slack(string(e)) },
	}
	for _, name := range sorted(r.config.Channels) {
		ch, is := channels[name].(*slack.Channel)
		if !is || len(r.config.Channels[name].Slack.SigningSecrets) == 0 {
			continue
		}
		verifier, err := webhook.NewSlack(reveal(r.config.Channels[name].Slack.SigningSecrets)...)
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
