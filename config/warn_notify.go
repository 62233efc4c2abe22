package config

import (
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify"
)

// warnNotify reports approvers who are notified by accident, or not at all.
func (w workflowCheck) warnNotify() {
	if w.unset.notify && len(w.Notify) > 1 {
		w.check.Warn("notify", "is not set, so approvers are notified by all channels for people: %s; name the channels to use",
			strings.Join(w.Notify, ", "))
	}
	for i, name := range w.Fallback {
		if slices.Contains(w.Notify, name) && !w.unset.notify {
			w.check.Warn("fallback"+index(i), "%q is in notify too, so it is no further way to reach an approver", name)
		}
	}
	if len(w.Notify) > 0 {
		return
	}
	silent := slices.DeleteFunc(w.persons(w.eventualApprovers()), func(id string) bool { return len(w.ownChannels(id)) > 0 })
	switch {
	case slices.Equal(w.Sources, []string{noSource}):
		w.check.Warn("notify", "is empty and sources is %s, so only operators can decide", noSource)
	case len(silent) > 0:
		w.check.Warn("notify", "is empty, so these approvers are never notified: %s", strings.Join(silent, ", "))
	case len(w.Sources) == 0 && len(w.Events) == 0 && len(w.persons(w.eventualApprovers())) == 0:
		w.check.Warn("notify", "is empty, and so are sources and events: every approval is undeliverable; "+
			"name the channels, or the sources that decide")
	}
}

// warnLinks reports a workflow whose requests name their requester but no approvers. Its links name nobody, and do not
// decide, because the requester may hold one.
func (w workflowCheck) warnLinks() {
	requester := w.Requests.Fields["requester"]
	isOwn := len(requester) > 0 && !slices.Equal(requester, requestFields()["requester"])
	hasButtons := slices.ContainsFunc(w.Notify, func(name string) bool {
		return w.config.Channels[name].HasButtons()
	})
	if isOwn && len(w.Approvers) == 0 && w.config.Public.OIDC == nil && !hasButtons {
		w.check.Warn("approvers", "is missing, and requests name the requester: unless a request names its approvers, "+
			"its links do not decide; name approvers, or set public.oidc")
	}
}

// ownChannels returns the channels that a person has in place of the workflow's, for notifications and to fall back on.
func (w workflowCheck) ownChannels(id string) []string {
	person := w.people.Persons[approval.NewPersonID(id)]
	return slices.Concat(person.Channels, person.FallbackChannels)
}

// warnUnreachable reports approvers whom none of their channels can reach.
func (w workflowCheck) warnUnreachable() {
	w.warnUnreachableAmong("approvers", w.Approvers)
	for i, e := range w.Escalations {
		w.warnUnreachableAmong("escalations"+index(i)+".to", e.To)
	}
}

func (w workflowCheck) warnUnreachableAmong(field string, ids []string) {
	for _, id := range w.persons(ids) {
		w.warnUnreachablePerson(field, id)
		for _, absence := range w.people.Persons[approval.NewPersonID(id)].Away {
			for _, substitute := range absence.Substitutes {
				w.warnUnreachablePerson(field, w.people.CanonicalID(substitute))
			}
		}
	}
}

func (w workflowCheck) warnUnreachablePerson(field, id string) {
	person := w.people.Persons[approval.NewPersonID(id)]
	channels, fallback := w.Notify, w.Fallback
	if len(person.Channels) > 0 {
		channels = person.Channels
	}
	if len(person.FallbackChannels) > 0 {
		fallback = person.FallbackChannels
	}
	var reasons []string
	for _, name := range slices.Concat(channels, fallback) {
		reason := w.config.unreachableBy(name, id)
		if reason == "" {
			return
		}
		reasons = append(reasons, name+": "+reason)
	}
	if len(reasons) > 0 { // else warnNotify reports it
		w.check.Warn(field, "%q cannot be notified (%s)", id, strings.Join(reasons, "; "))
	}
}

// unreachableBy returns the reason why a channel cannot notify an approver, or the empty text.
func (c *Config) unreachableBy(channel, approver string) string {
	limited, ok := c.Channels[channel].Settings().(notify.ReachSettings)
	if !ok {
		return ""
	}
	return limited.Unreachable(approver, c.SlackUsers())
}
