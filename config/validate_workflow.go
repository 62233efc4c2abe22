package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/setup"
)

// validate reports every fault of a workflow.
func (w Workflow) validate(check *setup.Check, c *Config) {
	if w.Requests.SQS != nil {
		w.Requests.SQS.Validate(check.At("requests.sqs"))
	}
	if w.Requests.Files != nil {
		w.Requests.Files.Validate(check.At("requests.files"))
	}
	check.At("requests").Enums(&w.Requests)
	validateFields(check, "requests.fields", w.Requests.Fields, requestFields())
	w.Requests.validateShape(check, w.Decision)
	w.validateAuthority(check, c)
	w.validateNotifications(check, c)
	w.validateRequester(check, c)
	w.validateTimes(check)
	validatePreference(check, w.Language, w.TimeZone)
	w.Callback.validate(check.At("callback"), c)
	w.NotifyRetry.validate(check.At("notify_retry"))
}

// validateAuthority checks the settings of the people and programs that may decide.
func (w Workflow) validateAuthority(check *setup.Check, c *Config) {
	check.Enums(&w)
	w.Policy.validate(check)
	w.validateAssurance(check, c)
	w.validateSources(check, c)
	c.validateApprovers(check, "approvers", w.Approvers)
	if len(w.Approvers) > 0 && len(c.expandGroups(w.Approvers)) == 0 && c.isReadable("groups") {
		check.Fault("approvers", "are empty groups: an approval without approvers can be decided by everybody")
	}
}

func (p Policy) validate(check *setup.Check) {
	switch p.Kind {
	case "any", "all":
	case "quorum":
		if p.Quorum < 1 {
			check.Fault("policy", "needs a quorum of at least 1, such as {quorum: 2}")
		}
	default:
		suggestion := setup.DidYouMean(p.Kind, []string{"any", "all", "quorum"})
		suggestion = strings.Replace(suggestion, `"quorum"`, "{quorum: 2}", 1)
		check.Fault("policy", "%q is not any, all, or {quorum: N}%s", p.Kind, suggestion)
	}
}

// validateAssurance checks that people have a way in with the assurance that a decision needs.
func (w Workflow) validateAssurance(check *setup.Check, c *Config) {
	switch {
	case w.MinAssurance == "chat" && !c.HasChat() && c.hasReadableChannels():
		check.Fault("min_assurance", "cannot be reached: chat needs a slack channel with signing_secrets, or a teams channel with app_id")
	case w.MinAssurance == "sso" && c.Public.OIDC == nil && c.isReadable("public"):
		check.Fault("min_assurance", "cannot be reached: sso needs public.oidc")
	}
}

// hasReadableChannels reports whether the kinds of all channels are known.
func (c *Config) hasReadableChannels() bool {
	for _, ch := range c.Channels {
		if !ch.IsSet() {
			return false
		}
	}
	return c.isReadable("channels")
}

// validateSources checks that the sources that may decide exist.
func (w Workflow) validateSources(check *setup.Check, c *Config) {
	if !c.isReadable("decisions") || !c.isReadable("webhooks") {
		return
	}
	for i, name := range w.Sources {
		alone := len(w.Sources) == 1
		switch {
		case name == noSource && alone, slices.Contains(c.sourceNames(), name):
		case name == noSource:
			check.Fault("sources"+index(i), "%s stands alone, because it means that no source may decide", noSource)
		default:
			known := append(c.sourceNames(), noSource)
			check.Fault("sources"+index(i), "%q is not a decision source; %s", name, thereAre(name, known))
		}
	}
}

// sourceNames lists the decision sources that a workflow can name. "api" is every API token, "api:NAME" one of them.
func (c *Config) sourceNames() []string {
	names := []string{"api"}
	for _, name := range sortedNames(c.Operator.APITokens) {
		names = append(names, approval.APIPrincipal(name))
	}
	for _, name := range slices.Concat(sortedNames(c.Decisions), sortedNames(c.Webhooks)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// validateNotifications checks the channels, and the approvers of escalations.
func (w Workflow) validateNotifications(check *setup.Check, c *Config) {
	c.validateChannelNames(check, "notify", w.Notify)
	c.validateChannelNames(check, "fallback", w.Fallback)
	c.validateChannelNames(check, "events", w.Events)
	c.validateEventChannels(check, "events", w.Events)
	for i, e := range w.Escalations {
		here := check.At("escalations" + index(i))
		c.validateApprovers(here, "to", e.To)
		if len(e.To) == 0 {
			here.Fault("to", "is empty; it must name the approvers to ask")
		}
		validateMark(here, e.After, e.Before)
	}
	if len(w.Escalations) > approval.MaxEscalations {
		check.Fault("escalations", "are %d, at most %d are possible", len(w.Escalations), approval.MaxEscalations)
	}
}

// validateEventChannels checks that the channels in a field take events.
func (c *Config) validateEventChannels(check *setup.Check, field string, channels []string) {
	for i, name := range channels {
		if ch, ok := c.Channels[name]; ok && ch.IsSet() && !ch.TakesEvents() {
			check.Fault(field+index(i), "%q notifies people; events go to a channel for programs: %s",
				name, thereAre(name, c.eventChannels()))
		}
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
	if w.ExpectedDeadlines < 0 {
		check.Fault("expected_deadlines", "must be 0 or more")
	}
	if w.Heartbeat != 0 {
		check.AtLeast("heartbeat", w.Heartbeat, time.Second)
	}
	if w.HeartbeatTimeout != 0 && w.HeartbeatTimeout <= w.Heartbeat {
		check.Fault("heartbeat_timeout", "is %s, it must be more than heartbeat, which is %s",
			setup.FormatDuration(w.HeartbeatTimeout), setup.FormatDuration(w.Heartbeat))
	}
	if w.HeartbeatTimeout > 0 && w.Heartbeat == 0 {
		check.Fault("heartbeat_timeout", "needs heartbeat: without heartbeats the task ends after %s",
			setup.FormatDuration(w.HeartbeatTimeout))
	}
	for i, m := range w.Reminders {
		validateMark(check.At("reminders"+index(i)), m.After, m.Before)
	}
}

// validateMark checks a time after the request or before the deadline.
func validateMark(check *setup.Check, after, before time.Duration) {
	switch {
	case after != 0 && before != 0:
		check.Fault("before", "stands beside after; only one of them is possible")
	case after == 0 && before == 0:
		check.Fault("after", "is missing: a time after the request; or before, a time before the deadline")
	default:
		check.AtLeast("", max(after, before), time.Second)
	}
}

func (cb Callback) validate(check *setup.Check, c *Config) {
	c.validateTarget(check, "token_target", cb.TokenTarget, callback.TaskToken, "task tokens")
	if cb.URLTarget != "" {
		c.validateTarget(check, "url_target", cb.URLTarget, callback.CallbackURL, "callback URLs")
	}
	check.Enums(&cb)
	cb.Retry.validate(check.At("retry"))
}

// validateTarget checks that a target exists and takes this kind of address.
func (c *Config) validateTarget(check *setup.Check, field, name string, address callback.Address, noun string) {
	target, known := c.Targets[name]
	hasKind := target.IsSet() || !known
	if c.isReadable("targets") && hasKind && !target.accepts(address) {
		check.Fault(field, "%q is not a target of %s; %s", name, noun, thereAre(name, c.targetNames(address)))
	}
}

// accepts reports whether requests name the workflows of this target in this way.
func (t Target) accepts(address callback.Address) bool {
	return t.IsSet() && t.Settings().Address() == address
}

// targetNames lists the targets of a kind of address.
func (c *Config) targetNames(address callback.Address) []string {
	return slices.DeleteFunc(sortedNames(c.Targets), func(name string) bool { return !c.Targets[name].accepts(address) })
}

func (r Retry) validate(check *setup.Check) {
	check.AtLeast("base", r.Base, time.Millisecond)
	check.AtLeast("cap", r.Cap, r.Base)
	check.AtLeast("max_age", r.MaxAge, time.Second)
}

func index(i int) string { return fmt.Sprintf("[%d]", i) }
