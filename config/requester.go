package config

import (
	"slices"

	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/setup"
)

// Requester is how the person behind a request is told of it, and the rights of that person.
type Requester struct {
	Notify    []string `yaml:"notify" doc:"channels that tell the requester that the request was received, decided, returned, timed out, cancelled, or is undeliverable, and of questions: channels that reach a person by an address, such as smtp; empty tells nobody"`
	Comments  bool     `yaml:"comments" doc:"show the requester the comments of approvers"`
	Withdraw  bool     `yaml:"withdraw" doc:"let the requester withdraw a pending request by the link in the message; true unless the file says otherwise"`
	Questions bool     `yaml:"questions" doc:"let approvers ask the requester on the decision page, who answers by the link in the message; true unless the file says otherwise"`
}

// UnmarshalYAML reads a requester. Withdrawing and questions are allowed unless the file forbids them.
func (r *Requester) UnmarshalYAML(unmarshal func(any) error) error {
	type fields Requester
	if err := checkKeys(unmarshal, "notify", "comments", "withdraw", "questions"); err != nil {
		return err
	}
	read := fields{Withdraw: true, Questions: true}
	if err := unmarshal(&read); err != nil {
		return err
	}
	*r = Requester(read)
	return nil
}

// validateRequester checks the channels of the requester, and the persons of pass_on.
func (w Workflow) validateRequester(check *setup.Check, c *Config) {
	c.validateApprovers(check, "pass_on", w.PassOn)
	if w.Requester == nil || !c.isReadable("channels") {
		return
	}
	at := check.At("requester")
	if len(w.Requester.Notify) == 0 {
		at.Warn("", "tells nobody: notify names no channel, so requesters can neither withdraw nor be asked")
	}
	for i, name := range w.Requester.Notify {
		channel, known := c.Channels[name]
		switch {
		case !known:
			at.Fault("notify"+index(i), "%q is not a channel; %s", name, thereAre(name, sortedNames(c.Channels)))
		case channel.IsSet() && channel.Settings().Audience() != notify.AudienceApprover:
			at.Fault("notify"+index(i), "%q is read by others than the requester, who alone may have the link in the message; name a "+
				"channel that reaches a person by an address, such as smtp", name)
		case slices.Index(w.Requester.Notify, name) < i:
			at.Fault("notify"+index(i), "%q stands twice", name)
		}
	}
}

// compileRequester returns how requesters are told, as the handlers use it.
func (c *Config) compileRequester(w Workflow) handlers.RequesterSettings {
	out := handlers.RequesterSettings{
		PassOn:        readPeople(w.PassOn),
		DecidedUntold: w.SilentWhenDecided,
		Unreachable:   c.unreachableBy,
	}
	if r := w.Requester; r != nil {
		out.Channels = r.Notify
		out.Comments = r.Comments
		out.Withdraws = r.Withdraw
		out.Answers = r.Questions
	}
	return out
}

// tellsRequestersBy reports whether a channel tells the requesters of a workflow.
func (c *Config) tellsRequestersBy(channel string) bool {
	for _, w := range c.Workflows {
		if w.Requester != nil && slices.Contains(w.Requester.Notify, channel) {
			return true
		}
	}
	return false
}

// tellsRequesters reports whether a workflow tells its requesters.
func (c *Config) tellsRequesters() bool {
	return slices.ContainsFunc(sortedNames(c.Channels), c.tellsRequestersBy)
}
