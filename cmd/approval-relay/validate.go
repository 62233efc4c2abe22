package main

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/router"
)

// name is what workflows, sources, channels and targets may be called: names go
// into URLs, metrics and logs.
var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// validate notes every fault of a configuration that was filled.
func (c *Config) validate(l *loading) {
	oneOf(l, "log.level", c.Log.Level, "debug", "info", "warn", "error")
	oneOf(l, "log.format", c.Log.Format, "json", "text")
	baseURL(l, "public.url", c.Public.URL)
	atLeast(l, "shutdown.timeout", c.Shutdown.Timeout, time.Second)
	atLeast(l, "unmatched.ttl", c.Unmatched.TTL, time.Second)
	atLeast(l, "unmatched.retention", c.Unmatched.Retention, 0)
	c.Store.validate(l)
	if c.Operator.Listen == "" {
		l.fault("operator.listen", "is empty: health checks and metrics need it")
	}
	if c.Operator.Listen == c.Public.Listen {
		l.fault("operator.listen", "is the public address: operator routes must not be on it")
	}
	secrets(l, "operator.tokens", c.Operator.Tokens)
	secrets(l, "operator.api_tokens", c.Operator.APITokens)
	for _, name := range sorted(c.Workflows) {
		c.validateWorkflow(l, "workflows."+name, name, c.Workflows[name])
	}
	c.validateSources(l)
	c.validatePeople(l)
	for _, name := range sorted(c.Channels) {
		c.Channels[name].validate(l, "channels."+name, name)
	}
	for _, name := range sorted(c.Targets) {
		c.Targets[name].validate(l, "targets."+name, name)
	}
}

func (s StoreConfig) validate(l *loading) {
	switch {
	case s.DynamoDB != nil && s.Memory:
		l.fault("store", "is dynamodb or memory, not both")
	case s.DynamoDB != nil && s.DynamoDB.Table == "":
		l.fault("store.dynamodb.table", "is missing: the name of the table")
	case s.DynamoDB == nil && !s.Memory && s.SQLite == "":
		l.fault("store", "names no place: set sqlite to the path of the database file, or dynamodb")
	}
}

func (c *Config) validateWorkflow(l *loading, at, name string, w WorkflowConfig) {
	named(l, at, name)
	if w.Requests.SQS != nil {
		w.Requests.SQS.validate(l, at+".requests.sqs")
	}
	fields(l, at+".requests.fields", w.Requests.Fields, requestFields())
	oneOf(l, at+".policy", w.Policy.Kind, "any", "all", "quorum")
	if w.Policy.Kind == "quorum" && w.Policy.Quorum < 1 {
		l.fault(at+".policy", "a quorum is at least 1")
	}
	oneOf(l, at+".min_assurance", w.MinAssurance, "link", "chat", "sso")
	switch {
	case w.MinAssurance == "chat" && !c.interactive():
		l.fault(at+".min_assurance", "no channel gives it: chat needs a slack channel with signing_secrets")
	case w.MinAssurance == "sso" && c.Public.OIDC == nil:
		l.fault(at+".min_assurance", "nobody can sign in: sso needs public.oidc")
	}
	for i, s := range w.Sources {
		_, sns := c.Decisions[s]
		_, hook := c.Webhooks[s]
		if !sns && !hook && s != "api" {
			l.fault(at+".sources", "number %d, %q, is no decision source: see decisions and webhooks, or api", i+1, s)
		}
	}
	c.channelNames(l, at+".notify", w.Notify)
	c.channelNames(l, at+".fallback", w.Fallback)
	c.channelNames(l, at+".events", w.Events)
	for _, name := range w.Events {
		if ch, ok := c.Channels[name]; ok && ch.Webhook == nil && ch.SNS == nil && ch.Log == nil {
			l.fault(at+".events", "%q talks to people: events go to a webhook, to sns or to the log", name)
		}
	}
	oneOf(l, at+".unheard", w.Unheard, "wait", "escalate", "cancel")
	c.approvers(l, at+".approvers", w.Approvers)
	for i, e := range w.Escalations {
		here := fmt.Sprintf("%s.escalations[%d]", at, i)
		if c.approvers(l, here+".to", e.To); len(e.To) == 0 {
			l.fault(here+".to", "names nobody")
		}
		validateMark(l, here, e.After, e.Before)
	}
	if len(w.Escalations) > approval.MaxEscalations {
		l.fault(at+".escalations", "are %d, the most is %d", len(w.Escalations), approval.MaxEscalations)
	}
	atLeast(l, at+".deadline", w.Deadline, time.Second)
	atLeast(l, at+".task_timeout", w.TaskTimeout, 0)
	atLeast(l, at+".margin", w.Margin, 0)
	atLeast(l, at+".retention", w.Retention, time.Hour)
	if w.Heartbeat != 0 {
		atLeast(l, at+".heartbeat", w.Heartbeat, time.Second)
	}
	for i, m := range w.Reminders {
		validateMark(l, fmt.Sprintf("%s.reminders[%d]", at, i), m.After, m.Before)
	}
	c.validateCallback(l, at+".callback", w.Callback)
	w.NotifyRetry.validate(l, at+".notify_retry")
}

// validatePeople checks what is said of approvers.
func (c *Config) validatePeople(l *loading) {
	for _, id := range sorted(c.People) {
		p, at := c.People[id], "people."+id
		c.channelNames(l, at+".notify", p.Notify)
		c.channelNames(l, at+".fallback", p.Fallback)
		for i, a := range p.Away {
			here := fmt.Sprintf("%s.away[%d]", at, i)
			if !a.From.Before(a.Until) {
				l.fault(here, "until is not after from")
			}
			if len(a.Cover) == 0 {
				l.fault(here+".cover", "names nobody")
			}
		}
	}
	for _, name := range sorted(c.Groups) {
		named(l, "groups."+name, name)
		for _, m := range c.Groups[name] {
			if strings.HasPrefix(m, "group:") {
				l.fault("groups."+name, "%q: a group has no groups in it", m)
			}
		}
	}
}

// channelNames checks that there are channels of those names.
func (c *Config) channelNames(l *loading, at string, names []string) {
	for _, ch := range names {
		if _, ok := c.Channels[ch]; !ok {
			l.fault(at, "%q is no channel", ch)
		}
	}
}

// approvers checks that the groups among them are known.
func (c *Config) approvers(l *loading, at string, ids []string) {
	for _, id := range ids {
		if name, is := strings.CutPrefix(id, "group:"); is {
			if _, ok := c.Groups[name]; !ok {
				l.fault(at, "%q is no group", name)
			}
		}
	}
}

// validateMark checks a time after the request or before the deadline.
func validateMark(l *loading, at string, after, before time.Duration) {
	if (after == 0) == (before == 0) {
		l.fault(at, "needs one of after and before")
		return
	}
	atLeast(l, at, max(after, before), time.Second)
}

func (c *Config) validateCallback(l *loading, at string, cb CallbackConfig) {
	if !c.Targets[cb.TokenTarget].takesTokens() {
		l.fault(at+".token_target", "%q is no target of kind stepfunctions, lambda or codepipeline", cb.TokenTarget)
	}
	if cb.URLTarget != "" && c.Targets[cb.URLTarget].HTTP == nil {
		l.fault(at+".url_target", "%q is no target of kind http", cb.URLTarget)
	}
	oneOf(l, at+".on_reject", cb.OnReject, "failure", "success")
	cb.Retry.validate(l, at+".retry")
}

// validateSources checks all ways by which decisions come in. Their names share
// one space: an approval can say by name which of them may decide.
func (c *Config) validateSources(l *loading) {
	for _, name := range sorted(c.Decisions) {
		at, d := "decisions."+name, c.Decisions[name]
		named(l, at, name)
		if !strings.HasPrefix(d.Topic, "arn:") || strings.Count(d.Topic, ":") != 5 {
			l.fault(at+".topic", "is no ARN of a topic")
		}
		d.SQS.validate(l, at+".sqs")
		fields(l, at+".fields", d.Fields, decisionFields())
	}
	for _, name := range sorted(c.Webhooks) {
		at, w := "webhooks."+name, c.Webhooks[name]
		named(l, at, name)
		if _, taken := c.Decisions[name]; taken || name == "api" || name == "link" || name == "operator" || name == "slack" || name == "sso" {
			l.fault(at, "is the name of another source")
		}
		if count(w.HMAC != nil, w.Bearer != nil, w.Standard != nil, w.GitHub != nil, w.Slack != nil, w.Stripe != nil, w.SNS != nil, w.Client != nil) != 1 {
			l.fault(at, "needs exactly one of hmac, bearer, standard, github, slack, stripe, sns and client_certificate, to verify what is sent")
		}
		if w.Rate < 0 || w.Burst < 0 || (w.Rate == 0 && w.Burst > 0) {
			l.fault(at+".rate", "rate and burst must be above 0, or both 0")
		}
		if w.MaxBody < 0 || w.MaxBody > router.MaxBody {
			l.fault(at+".max_body", "is %d, must be 1 to %d", w.MaxBody, router.MaxBody)
		}
		fields(l, at+".fields", w.Fields, decisionFields())
	}
}

func (q *QueueConfig) validate(l *loading, at string) {
	if q.Queue == "" {
		l.fault(at+".queue", "is missing")
	}
	if q.Queue != "" && q.Queue == q.DeadLetterQueue {
		l.fault(at+".dead_letter_queue", "is the queue itself")
	}
	within(l, at+".concurrency", q.Concurrency, 1, 10000)
	within(l, at+".pollers", q.Pollers, 1, 100)
	if q.Visibility < 2*time.Second || q.Visibility > 12*time.Hour {
		l.fault(at+".visibility", "must be 2s to 12h")
	}
}

func (r RetryConfig) validate(l *loading, at string) {
	atLeast(l, at+".base", r.Base, time.Millisecond)
	atLeast(l, at+".cap", r.Cap, r.Base)
	atLeast(l, at+".max_age", r.MaxAge, time.Second)
}

func (ch ChannelConfig) validate(l *loading, at, name string) {
	named(l, at, name)
	if count(ch.Log != nil, ch.SMTP != nil, ch.SES != nil, ch.Slack != nil, ch.Teams != nil, ch.Webhook != nil, ch.SNS != nil) != 1 {
		l.fault(at, "needs exactly one of log, smtp, ses, slack, teams, webhook and sns")
	}
	if s := ch.SMTP; s != nil {
		oneOf(l, at+".smtp.tls", s.TLS, "starttls", "tls", "none")
		within(l, at+".smtp.port", s.Port, 1, 65535)
		if s.Host == "" {
			l.fault(at+".smtp.host", "is missing")
		}
		if !strings.Contains(s.From, "@") {
			l.fault(at+".smtp.from", "is no address")
		}
	}
	if s := ch.SES; s != nil {
		s.validate(l, at+".ses")
	}
	if t := ch.Teams; t != nil {
		baseURL(l, at+".teams.webhook_url", t.WebhookURL.Reveal())
	}
	if s := ch.SNS; s != nil {
		s.validate(l, at+".sns")
	}
	if w := ch.Webhook; w != nil {
		baseURL(l, at+".webhook.url", w.URL)
		if len(w.Secrets) == 0 {
			l.fault(at+".webhook.secrets", "are missing")
		}
	}
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

// takesTokens says that a target answers what workflows wait for with a token.
func (t TargetConfig) takesTokens() bool {
	return t.StepFunctions != nil || t.Lambda != nil || t.CodePipeline != nil
}

func (t TargetConfig) validate(l *loading, at, name string) {
	named(l, at, name)
	if count(t.StepFunctions != nil, t.Lambda != nil, t.CodePipeline != nil, t.HTTP != nil) != 1 {
		l.fault(at, "needs exactly one of stepfunctions, lambda, codepipeline and http")
	}
	for kind, s := range map[string]*AWSTargetConfig{"stepfunctions": t.StepFunctions, "lambda": t.Lambda, "codepipeline": t.CodePipeline} {
		if s == nil {
			continue
		}
		if s.Rate <= 0 || s.Burst < 1 {
			l.fault(at+"."+kind, "rate must be above 0 and burst at least 1")
		}
		role(l, at+"."+kind+".role", s.Role)
	}
	if h := t.HTTP; h != nil && len(h.Secrets) == 0 {
		l.fault(at+".http.secrets", "are missing: callbacks are signed")
	}
}

func named(l *loading, at, name string) {
	if !nameForm.MatchString(name) {
		l.fault(at, "a name has 1 to 63 of a-z, 0-9, _ and -, and begins with a letter or digit")
	}
}

func oneOf(l *loading, at, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		l.fault(at, "%q is not one of %s", value, strings.Join(allowed, ", "))
	}
}

func atLeast(l *loading, at string, value, least time.Duration) {
	if value < least {
		l.fault(at, "is %s, the least is %s", value, least)
	}
}

func within(l *loading, at string, value, least, most int) {
	if value < least || value > most {
		l.fault(at, "is %d, must be %d to %d", value, least, most)
	}
}

func baseURL(l *loading, at, text string) {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.Fragment != "" {
		l.fault(at, "is no http or https URL with a host")
	}
}

func fields(l *loading, at string, have, known map[string]Expressions) {
	for _, name := range sorted(have) {
		if _, ok := known[name]; !ok {
			l.fault(at+"."+name, "unknown field; there are %s", strings.Join(sorted(known), ", "))
		}
	}
}

func secrets(l *loading, at string, tokens map[string]Secret) {
	for _, name := range sorted(tokens) {
		if len(tokens[name].Reveal()) < 16 {
			l.fault(at+"."+name, "has fewer than 16 characters")
		}
	}
}

func count(set ...bool) int {
	n := 0
	for _, s := range set {
		if s {
			n++
		}
	}
	return n
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
