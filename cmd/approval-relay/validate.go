package main

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/secret"
)

// headerName and headerValue are what a header may be: RFC 9110, sections 5.1 and 5.5.
var (
	headerName  = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
	headerValue = regexp.MustCompile(`^[\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?$`)
)

// name is what workflows, sources, channels and targets may be called: names go
// into URLs, metrics and logs.
var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// noSource stands in workflows.NAME.sources where no source may decide.
const noSource = "none"

// validate notes every fault of a configuration that was filled.
func (c *Config) validate(l *loading) {
	oneOf(l, "log.level", c.Log.Level, "debug", "info", "warn", "error")
	oneOf(l, "log.format", c.Log.Format, "json", "text")
	baseURL(l, "public.url", c.Public.URL)
	c.Tracing.validate(l, "tracing")
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
		named(l, "channels."+name, name)
		validateKind[channelKind](l, "channels."+name, c.Channels[name], "")
	}
	for _, name := range sorted(c.Targets) {
		named(l, "targets."+name, name)
		validateKind[targetKind](l, "targets."+name, c.Targets[name], "")
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
		if !sns && !hook && s != "api" && (s != noSource || len(w.Sources) > 1) {
			l.fault(at+".sources", "number %d, %q, is no decision source: see decisions and webhooks, or api; or %s alone", i+1, s, noSource)
		}
	}
	c.channelNames(l, at+".notify", w.Notify)
	c.channelNames(l, at+".fallback", w.Fallback)
	c.channelNames(l, at+".events", w.Events)
	for _, name := range w.Events {
		if ch, ok := c.Channels[name]; ok && len(chosen[channelKind](ch)) == 1 && !ch.takesEvents() {
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
	if !c.Targets[cb.TokenTarget].takes(false) {
		l.fault(at+".token_target", "%q is no target of task tokens", cb.TokenTarget)
	}
	if cb.URLTarget != "" && !c.Targets[cb.URLTarget].takes(true) {
		l.fault(at+".url_target", "%q is no target of callback URLs", cb.URLTarget)
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
		if reserved(name) {
			l.fault(at, "is the name of another source")
		}
		if !strings.HasPrefix(d.Topic, "arn:") || strings.Count(d.Topic, ":") != 5 {
			l.fault(at+".topic", "is no ARN of a topic")
		}
		d.SQS.validate(l, at+".sqs")
		fields(l, at+".fields", d.Fields, decisionFields())
	}
	for _, name := range sorted(c.Webhooks) {
		at, w := "webhooks."+name, c.Webhooks[name]
		named(l, at, name)
		if _, taken := c.Decisions[name]; taken || reserved(name) {
			l.fault(at, "is the name of another source")
		}
		validateKind[schemeKind](l, at, w, ", to verify what is sent")
		if w.Rate < 0 || w.Burst < 0 || (w.Rate == 0 && w.Burst > 0) {
			l.fault(at+".rate", "rate and burst must be above 0, or both 0")
		}
		if w.MaxBody < 0 || w.MaxBody > api.MaxBody {
			l.fault(at+".max_body", "is %d, must be 1 to %d", w.MaxBody, api.MaxBody)
		}
		fields(l, at+".fields", w.Fields, decisionFields())
	}
}

// reserved says that a name of a source has a meaning of its own.
func reserved(name string) bool {
	return slices.Contains([]string{"api", "link", "operator", "slack", "sso", noSource}, name)
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

// role checks an ARN such as arn:aws:iam::111122223333:role/mail.
func role(l *loading, at, arn string) {
	if arn != "" && (!strings.HasPrefix(arn, "arn:") || !strings.Contains(arn, ":role/")) {
		l.fault(at, "is no ARN of a role")
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

// linkURL checks a URL that links are posted to: in clear only within the house.
func linkURL(l *loading, at, text string, internal bool) {
	if u, err := url.Parse(text); err == nil && u.Scheme == "http" && !internal {
		l.fault(at, "must be https, as links go there; http is for internal addresses (allow_internal)")
		return
	}
	baseURL(l, at, text)
}

func fields(l *loading, at string, have, known map[string]Expressions) {
	for _, name := range sorted(have) {
		if _, ok := known[name]; !ok {
			l.fault(at+"."+name, "unknown field; there are %s", strings.Join(sorted(known), ", "))
		}
	}
}

func secrets(l *loading, at string, tokens map[string]secret.Text) {
	for _, name := range sorted(tokens) {
		if len(tokens[name].Reveal()) < 16 {
			l.fault(at+"."+name, "has fewer than 16 characters")
		}
	}
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
