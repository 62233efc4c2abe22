package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/approval"
)

// newOrderListing lists approvals, each with its order.
func newOrderListing(orders []api.ListedOrder, f *outputFlags, now time.Time) *listing {
	l := &listing{columns: []column{
		{name: "order"}, {name: "title", text: true}, {name: "workflow"}, {name: "step"}, {name: "status", tone: stateTone},
		{name: "age"}, {name: "deadline"}, {name: "callback", tone: stateTone}, {name: "waits for", text: true},
		{name: "attention", wide: true, tone: stateTone}, {name: "requested at", wide: true}, {name: "deadline at", wide: true},
		{name: "closed at", wide: true}, {name: "decided by", wide: true},
		{name: "requester", wide: true}, {name: "execution", wide: true}, {name: "approval", wide: true}, {name: "error", wide: true},
	}}
	for _, o := range orders {
		for i := range o.Approvals {
			a := &o.Approvals[i]
			due := ""
			if a.Status == approval.Pending {
				due = distance(a.Deadline, now)
			}
			l.add(o.OrderID, a.Title, a.Workflow, a.Step, string(a.Status), age(now.Sub(a.RequestedAt)), due,
				callbackState(*a), undecidedApprovers(a, now), attentionWord(a), f.moment(a.RequestedAt), f.moment(a.Deadline),
				f.moment(a.ClosedAt), deciders(a), a.Requester, a.Execution, a.ApprovalID, lastError(a))
		}
		if len(o.Approvals) == 0 {
			row := make([]string, len(l.columns))
			row[0], row[4] = o.OrderID, fmt.Sprintf("%d decision(s) without request", len(o.UnmatchedDecisions))
			if o.Unreadable {
				row[4] = "its record cannot be read"
			}
			l.add(row...)
		}
	}
	return l
}

// attentionWord returns why an operator must look at an approval, in one word.
func attentionWord(a *api.Approval) string {
	switch {
	case a.Dismissed != "":
		return "dismissed"
	case a.Unanswered:
		return "unanswered"
	case a.Callback.State == api.CallbackExhausted:
		return "exhausted"
	case a.Undeliverable && a.Status == approval.Pending:
		return "undeliverable"
	case a.Callback.State == api.CallbackPending && a.Callback.LastError != "":
		return "retrying"
	}
	return ""
}

// undecidedApprovers lists the approvers without a vote, and says whether a proposal waits for a second operator.
func undecidedApprovers(a *api.Approval, now time.Time) string {
	if a.Status != approval.Pending {
		return ""
	}
	var names []string
	if slices.ContainsFunc(a.Acts, func(r api.RecordedAct) bool { return isOpenProposal(r, now) }) {
		names = append(names, "a second operator")
	}
	for _, p := range a.Approvers {
		voted := false
		for _, v := range a.Votes {
			voted = voted || !v.Void && approval.SamePerson(v.DecidedBy, p.ID)
		}
		if !voted {
			names = append(names, p.ID)
		}
	}
	return strings.Join(names, ", ")
}

// deciders lists the people with a vote that counts.
func deciders(a *api.Approval) string {
	var names []string
	for _, v := range a.Votes {
		if !v.Void {
			names = append(names, v.DecidedBy)
		}
	}
	return strings.Join(names, ", ")
}

// lastError returns the error of a callback that has not been delivered.
func lastError(a *api.Approval) string {
	if a.Callback.State == api.CallbackDelivered {
		return ""
	}
	return a.Callback.LastError
}
