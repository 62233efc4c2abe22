package web

import (
	"encoding/json"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
	"github.com/approval-relay/approval-relay/web/look"
)

// voteView is a decision so far.
type voteView struct {
	By      string
	Own     string // "you" for the visitor's own vote
	Outcome string
	Class   string // of the outcome: good, bad or closed
	At      look.Moment
	Comment string
	Values  []labelled
	Void    string // why the vote does not count, or empty
}

// changeView is a change of the request by an approver.
type changeView struct {
	Label, From, To, By string
	At                  look.Moment
}

func (v *visit) votes() []voteView {
	var out []voteView
	for _, vote := range v.approval.Votes {
		choice := v.choiceOf(vote)
		outcome := v.text("page.outcome." + string(vote.Outcome))
		if hasOwnLabel(choice) {
			outcome = v.label(choice)
		}
		out = append(out, voteView{
			By:      v.voter(vote),
			Own:     v.own(vote.By),
			Outcome: outcome,
			Class:   classOf(vote.Outcome),
			At:      v.moment(vote.At),
			Comment: untrusted.MultiLine(vote.Comment),
			Values:  v.voteValues(vote.Values),
			Void:    v.void(vote.Void),
		})
	}
	return out
}

// own returns "you" for the visitor.
func (v *visit) own(by string) string {
	if approval.SamePerson(by, v.principal()) {
		return v.text("page.you")
	}
	return ""
}

func (r reader) void(isVoid bool) string {
	if isVoid {
		return r.text("page.void")
	}
	return ""
}

func classOf(o approval.Outcome) string {
	switch o {
	case approval.Approve:
		return "good"
	case approval.Reject:
		return "bad"
	}
	return "closed"
}

// voteValues lists the values of a vote in the order of the form.
func (v *visit) voteValues(values json.RawMessage) []labelled {
	var byName map[string]json.RawMessage
	if json.Unmarshal(values, &byName) != nil {
		return nil
	}
	var out []labelled
	for _, f := range v.approval.Form.Fields {
		if value, ok := byName[f.Name]; ok {
			out = append(out, labelled{v.fieldLabel(&f), v.display(&f, value)})
		}
	}
	return out
}

// changes lists the approvers' edits of the request, the latest last.
func (v *visit) changes() []changeView {
	var out []changeView
	for _, vote := range v.approval.Votes {
		for _, c := range vote.Changes {
			field := v.approval.Form.Find(c.Field)
			label := untrusted.SingleLine(c.Path)
			if field != nil {
				label = v.fieldLabel(field)
			}
			at := c.At
			if at.IsZero() {
				at = vote.At
			}
			out = append(out, changeView{
				Label: label,
				From:  v.display(field, c.From),
				To:    v.display(field, c.To),
				By:    v.voter(vote),
				At:    v.moment(at),
			})
		}
	}
	return out
}

// progress counts the approvals, and names the approvers that the request waits for. Only approvers learn the names of the
// others: a link in a message to a group may be read by anybody there.
func (v *visit) progress() []string {
	if v.effectiveStatus() != approval.Pending {
		return nil
	}
	var out []string
	p := v.approval.Progress()
	if p.Needed > 1 {
		out = append(out, v.text("page.progress", "n", v.count(p.Approved), "needed", v.count(p.Needed)))
	}
	isKnown := v.signedIn != "" && v.isApprover() || v.capability.Approver != ""
	if !isKnown || len(v.approval.Approvers) < 2 || len(p.Waiting) == 0 {
		return out
	}
	var names []string
	for _, a := range p.Waiting {
		name := v.person(a.ID)
		if approval.SamePerson(a.ID, v.principal()) {
			name = v.text("page.you")
		}
		names = append(names, name)
	}
	key := "page.waiting_for"
	if p.Needed == 1 {
		key = "page.one_is_enough"
	}
	return append(out, v.text(key, "names", strings.Join(names, ", ")))
}
