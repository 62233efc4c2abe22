package store

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/approval-relay/approval-relay/approval"
)

// Query selects approvals for ListApprovals. The zero value selects all of them, sorted by order ID.
type Query struct {
	State  State
	Filter Filter
	Sort   Sort
	// Descending reverses the sort. Approvals without the time of the sort come last all the same.
	Descending bool
	// After is the Next of the previous page, or empty for the first page. It belongs to the same State, Sort and
	// Descending; with others ListApprovals returns a Permanent error. In a list by order ID it can also be an order ID,
	// known or not: the list goes on after it.
	After string
	// Limit is the largest number of rows in a page, 1 to 1,000. 0 means 100.
	Limit int
}

// State selects approvals by their progress. An approval can be in several states.
type State string

// The states that select approvals.
const (
	StateAll           State = ""
	StatePending       State = "pending"
	StateRetrying      State = "retrying"      // a failed attempt to notify or to call back will be repeated
	StateUndeliverable State = "undeliverable" // pending, and nobody could be told of it
	StateExhausted     State = "exhausted"     // all attempts of the callback have failed
	StateUnanswered    State = "unanswered"    // decided or timed out, and the workflow did or may not have got the answer
	StateAttention     State = "attention"     // one of the four above
	StateClosed        State = "closed"        // not pending
)

// States lists the states but StateAll.
func States() []State {
	return []State{
		StatePending,
		StateRetrying,
		StateUndeliverable,
		StateExhausted,
		StateUnanswered,
		StateAttention,
		StateClosed,
	}
}

// IsKnown reports whether this is a state.
func (s State) IsKnown() bool { return s == StateAll || slices.Contains(States(), s) }

// Matches reports whether an approval is in the state.
func (s State) Matches(a *approval.Approval) bool {
	switch s {
	case StateAll:
		return true
	case StatePending:
		return a.Status == approval.Pending
	case StateClosed:
		return a.Status != approval.Pending
	case StateRetrying:
		return a.IsRetrying()
	case StateUndeliverable:
		return a.IsUndeliverable()
	case StateExhausted:
		return a.IsExhausted()
	case StateUnanswered:
		return a.IsUnanswered()
	case StateAttention:
		return a.IsRetrying() || a.IsUndeliverable() || a.IsExhausted() || a.IsUnanswered()
	}
	return false
}

// Sort is the sort key of a list. Approvals with the same value are sorted by order ID.
type Sort string

// The sorts of a list.
const (
	SortOrder    Sort = ""         // the order ID
	SortAge      Sort = "age"      // the time of the request, the oldest first
	SortDeadline Sort = "deadline" // the next deadline first
	SortClosed   Sort = "closed"   // the time of the end, the earliest first
)

// Sorts lists the sorts but SortOrder.
func Sorts() []Sort { return []Sort{SortAge, SortDeadline, SortClosed} }

// IsKnown reports whether this is a sort.
func (s Sort) IsKnown() bool { return s == SortOrder || slices.Contains(Sorts(), s) }

// Filter selects approvals by their content. An empty field selects all; an approval must match every other field.
type Filter struct {
	Workflow string
	// Approver is a person who may decide or has decided, and WaitsFor an approver of a pending approval who has not
	// decided yet. Requester is the person behind the request.
	Approver  string
	WaitsFor  string
	Requester string
	// Execution is the workflow's run: its whole ID, or the last part of its ARN.
	Execution string
	// Text is a part of the order ID, the approval ID, the title, an approver, the requester, the execution, the workflow
	// or the step, in upper or lower case.
	Text string
	// RequestedBefore and DeadlineBefore select approvals that were requested, or time out, before a time.
	RequestedBefore time.Time
	DeadlineBefore  time.Time
	// ClosedAfter and ClosedBefore select approvals that were closed from a time on, or before a time.
	ClosedAfter  time.Time
	ClosedBefore time.Time
	// IsVisible reports whether the reader of the list may see the approvals of a workflow. Nil shows all.
	IsVisible func(workflow string) bool
}

// Matches reports whether the filter selects an approval of an order.
func (f *Filter) Matches(o *approval.Order, a *approval.Approval) bool {
	return f.matchesPeople(a) && f.matchesTimes(a) &&
		(f.Workflow == "" || a.Workflow == f.Workflow) &&
		(f.IsVisible == nil || f.IsVisible(a.Workflow)) &&
		(f.Execution == "" || a.Execution == f.Execution || strings.HasSuffix(a.Execution, ":"+f.Execution)) &&
		(f.Text == "" || f.hasText(o, a))
}

// MatchesID reports whether the filter selects an order of which only the ID is known, because its record cannot be read
// or has no approval.
func (f *Filter) MatchesID(orderID string) bool {
	text := f.Text
	rest := *f
	rest.Text = ""
	return rest.isEmpty() && containsFold(orderID, text)
}

// isEmpty reports whether the filter selects everything.
func (f *Filter) isEmpty() bool {
	names := f.Workflow + f.Approver + f.WaitsFor + f.Requester + f.Execution + f.Text
	return names == "" && f.IsVisible == nil && f.RequestedBefore.IsZero() && f.DeadlineBefore.IsZero() &&
		f.ClosedAfter.IsZero() && f.ClosedBefore.IsZero()
}

func (f *Filter) matchesPeople(a *approval.Approval) bool {
	return (f.Requester == "" || approval.SamePerson(a.Requester, f.Requester)) &&
		(f.Approver == "" || a.HasApprover(f.Approver) || hasVoted(a, f.Approver)) &&
		(f.WaitsFor == "" || a.WaitsFor(f.WaitsFor))
}

func hasVoted(a *approval.Approval, person string) bool {
	return slices.ContainsFunc(a.Votes, func(v approval.Vote) bool { return !v.Void && approval.SamePerson(v.By, person) })
}

func (f *Filter) matchesTimes(a *approval.Approval) bool {
	return isBefore(a.RequestedAt, f.RequestedBefore) && isBefore(a.Deadline, f.DeadlineBefore) &&
		isBefore(a.ClosedAt, f.ClosedBefore) &&
		(f.ClosedAfter.IsZero() || !a.ClosedAt.IsZero() && !a.ClosedAt.Before(f.ClosedAfter))
}

// isBefore reports whether a time is known and before a limit. It is true without a limit.
func isBefore(t, limit time.Time) bool { return limit.IsZero() || !t.IsZero() && t.Before(limit) }

func (f *Filter) hasText(o *approval.Order, a *approval.Approval) bool {
	texts := []string{o.ID, a.ID, a.Title, a.Requester, a.Execution, a.Workflow, a.Step}
	for _, p := range a.Approvers {
		texts = append(texts, p.ID)
	}
	return slices.ContainsFunc(texts, func(text string) bool { return containsFold(text, f.Text) })
}

// containsFold reports whether a text contains another, in upper or lower case.
func containsFold(text, part string) bool { return strings.Contains(fold(text), fold(part)) }

// fold returns the text with each letter in a form that is the same for its upper and its lower case.
func fold(text string) string {
	return strings.Map(func(r rune) rune { return unicode.ToLower(unicode.ToUpper(r)) }, text)
}
