package preview

import (
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/config"
)

// whyAsked explains why a person is asked.
type whyAsked struct {
	config   *config.Config
	workflow string
}

// describe returns approvers with the reason for each, and the channels that notify them.
func (w *whyAsked) describe(approvers []approval.Approver, channels []string) []Approver {
	list := make([]Approver, 0, len(approvers))
	for _, a := range approvers {
		described := Approver{ID: a.ID, Reason: w.reason(a), Channels: channels}
		if len(a.Channels) > 0 {
			described.Channels = a.Channels
		}
		if strings.HasPrefix(a.ID, "source:") {
			described.Channels = []string{}
		}
		list = append(list, described)
	}
	return list
}

// reason returns the place that names an approver: the configuration, a group, an absence, or the request.
func (w *whyAsked) reason(a approval.Approver) string {
	if a.SubstituteFor != "" {
		return "substitute for " + a.SubstituteFor
	}
	workflow := w.config.Workflows[w.workflow]
	if where := w.findName(a.ID, workflow.Approvers); where != "" {
		return "approvers of the workflow: " + where
	}
	for _, e := range workflow.Escalations {
		if where := w.findName(a.ID, e.To); where != "" {
			return "escalations of the workflow: " + where
		}
	}
	for name, members := range w.config.Groups {
		if slices.ContainsFunc(members, func(m string) bool { return w.isPerson(m, a.ID) }) {
			return "the request, directly or by group:" + name
		}
	}
	return "the request"
}

// findName returns the entry of a list for an approver, or the empty text.
func (w *whyAsked) findName(id string, names []string) string {
	for _, name := range names {
		group, isGroup := strings.CutPrefix(name, "group:")
		switch {
		case !isGroup && w.isPerson(name, id):
			return name
		case isGroup && slices.ContainsFunc(w.config.Groups[group], func(m string) bool { return w.isPerson(m, id) }):
			return name
		}
	}
	return ""
}

// isPerson reports whether a name of the configuration, which may be an alias, is that of an approver.
func (w *whyAsked) isPerson(name, id string) bool {
	return approval.SamePerson(w.config.Compiled.People.CanonicalID(name), id)
}
