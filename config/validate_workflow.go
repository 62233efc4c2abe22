package config

import (
	"fmt"
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/setup"
)

// validate reports every fault of one workflow.
func (w Workflow) validate(check *setup.Check, c *Config) {
	if w.Requests.SQS != nil {
		w.Requests.SQS.Validate(check.At("requests.sqs"))
	}
	validateFields(check, "requests.fields", w.Requests.Fields, requestFields())
	w.validateAuthority(check, c)
	w.validateNotifications(check, c)
	w.validateTimes(check)
	w.Callback.validate(check.At("callback"), c)
	w.NotifyRetry.validate(check.At("notify_retry"))
}

// validateAuthority checks the settings of those who may decide.
func (w Workflow) validateAuthority(check *setup.Check, c *Config) {
	check.OneOf("policy", w.Policy.Kind, "any", "all", "quorum")
	if w.Policy.Kind == "quorum" && w.Policy.Quorum < 1 {
		check.Fault("policy", "a quorum is at least 1")
	}
	check.OneOf("min_assurance", w.MinAssurance, "link", "chat", "sso")
	switch {
	case w.MinAssurance == "chat" && !c.HasChat():
		check.Fault("min_assurance", "cannot be reached: chat needs a slack channel with signing_secrets")
	case w.MinAssurance == "sso" && c.Public.OIDC == nil:
		check.Fault("min_assurance", "cannot be reached: sso needs public.oidc")
	}
	for i, name := range w.Sources {
		if name == noSource && len(w.Sources) == 1 {
			continue
		}
		if !slices.Contains(c.sourceNames(), name) {
			check.Fault("sources", "number %d, %q, is not a decision source; %s; or %s alone", i+1, name, thereAre(name, c.sourceNames()), noSource)
		}
	}
	c.validateApprovers(check, "approvers", w.Approvers)
}

// sourceNames lists the decision sources that a workflow can name.
func (c *Config) sourceNames() []string {
	return slices.Concat([]string{"api"}, sortedNames(c.Decisions), sortedNames(c.Webhooks))
}

// validateNotifications checks the channels, and the people who are asked later.
func (w Workflow) validateNotifications(check *setup.Check, c *Config) {
	c.validateChannelNames(check, "notify", w.Notify)
	c.validateChannelNames(check, "fallback", w.Fallback)
	c.validateChannelNames(check, "events", w.Events)
	for _, name := range w.Events {
		if ch, ok := c.Channels[name]; ok && ch.IsSet() && !ch.TakesEvents() {
			check.Fault("events", "%q notifies people; events go to a channel for programs: %s", name, thereAre(name, c.eventChannels()))
		}
	}
	check.OneOf("undeliverable", w.Undeliverable, "wait", "escalate", "cancel")
	for i, e := range w.Escalations {
		here := check.At("escalations" + index(i))
		c.validateApprovers(here, "to", e.To)
		if len(e.To) == 0 {
			here.Fault("to", "names nobody")
		}
		validateMark(here, e.After, e.Before)
	}
	if len(w.Escalations) > approval.MaxEscalations {
		check.Fault("escalations", "are %d, at most %d are possible", len(w.Escalations), approval.MaxEscalations)
	}
}

// eventChannels lists the channels that take events.
func (c *Config) eventChannels() []string {
	return slices.DeleteFunc(sortedNames(c.Channels), func(name string) bool { return !c.Channels[name].TakesEvents() })
}

func (w Workflow) validateTimes(check *setup.Check) {
	check.AtLeast("deadline", w.Deadline, time.Second)
	check.AtLeast("task_timeout", w.TaskTimeout, 0)
	check.AtLeast("margin", w.Margin, 0)
	check.AtLeast("retention", w.Retention, time.Hour)
	if w.Heartbeat != 0 {
		check.AtLeast("heartbeat", w.Heartbeat, time.Second)
	}
	for i, m := range w.Reminders {
		validateMark(check.At("reminders"+index(i)), m.After, m.Before)
	}
}

// validateMark checks a time after the request or before the deadline.
func validateMark(check *setup.Check, after, before time.Duration) {
	if (after == 0) == (before == 0) {
		check.Fault("", "needs one of after and before")
		return
	}
	check.AtLeast("", max(after, before), time.Second)
}

func (cb Callback) validate(check *setup.Check, c *Config) {
	if !c.Targets[cb.TokenTarget].accepts(callback.TaskToken) {
		check.Fault("token_target", "%q is not a target of task tokens; %s", cb.TokenTarget, thereAre(cb.TokenTarget, c.targetNames(callback.TaskToken)))
	}
	if cb.URLTarget != "" && !c.Targets[cb.URLTarget].accepts(callback.CallbackURL) {
		check.Fault("url_target", "%q is not a target of callback URLs; %s", cb.URLTarget, thereAre(cb.URLTarget, c.targetNames(callback.CallbackURL)))
	}
	check.OneOf("on_reject", cb.OnReject, "failure", "success")
	cb.Retry.validate(check.At("retry"))
}

// accepts reports whether requests name the workflows of this target in this way.
func (t Target) accepts(address callback.Address) bool {
	return t.IsSet() && t.Settings().Address() == address
}

// targetNames lists the targets of one kind of address.
func (c *Config) targetNames(address callback.Address) []string {
	return slices.DeleteFunc(sortedNames(c.Targets), func(name string) bool { return !c.Targets[name].accepts(address) })
}

func (r Retry) validate(check *setup.Check) {
	check.AtLeast("base", r.Base, time.Millisecond)
	check.AtLeast("cap", r.Cap, r.Base)
	check.AtLeast("max_age", r.MaxAge, time.Second)
}

func index(i int) string { return fmt.Sprintf("[%d]", i) }
