package console

import (
	"net/url"
)

// listState is a state that can limit the list.
type listState struct {
	name    string // the value of the address's parameter
	label   string
	heading string
	lead    string // the next action of an operator
	empty   string // the page without any approval
	beyond  string // the page after the last one
	sort    string // the usual order of the list
	tone    string // of its count, if it is not 0
}

// The states of the list.
const (
	statePending       = "pending"
	stateAttention     = "attention"
	stateUndeliverable = "undeliverable"
	stateRetrying      = "retrying"
	stateExhausted     = "exhausted"
	stateUnanswered    = "unanswered"
	stateClosed        = "closed"
	stateAll           = "all"
)

func listStates() []listState {
	return []listState{
		{
			name:    statePending,
			label:   "Pending",
			heading: "Pending approvals",
			empty:   "No approval is pending.",
			beyond:  "There are no more pending approvals.",
			sort:    sortAge,
		}, {
			name:    stateAttention,
			label:   "Needs attention",
			heading: "Approvals that need attention",
			lead: "Nobody knows of them, their workflow did not get its answer, or an attempt failed and is repeated. " +
				"The page of each order says in a sentence what to do now.",
			empty:  "Nothing needs attention.",
			beyond: "There are no more approvals that need attention.",
			sort:   sortAge,
			tone:   "bad",
		}, {
			name:    stateUndeliverable,
			label:   "Undeliverable",
			heading: "Undeliverable approvals",
			lead: "No notification of these approvals was delivered, so nobody knows of them. Tell an approver yourself, " +
				"or send the notifications again after their cause is mended.",
			empty:  "Every pending approval is known to somebody.",
			beyond: "There are no more undeliverable approvals.",
			sort:   sortAge,
			tone:   "bad",
		}, {
			name:    stateRetrying,
			label:   "Retrying",
			heading: "Approvals with failed attempts",
			lead: "A notification or an answer failed and is repeated automatically. If it goes on, fix the cause of the " +
				"error; nothing needs to be started again.",
			empty:  "No attempt fails.",
			beyond: "There are no more approvals with failed attempts.",
			sort:   sortAge,
			tone:   "warn",
		}, {
			name:    stateExhausted,
			label:   "Exhausted",
			heading: "Exhausted callbacks",
			lead: "These approvals are closed, but all retries of their callback were used: each is a workflow that waits, " +
				"or has ended, without its answer. Fix the cause, then redrive. Dismiss only what can never be mended.",
			empty:  "No callback is exhausted.",
			beyond: "There are no more exhausted callbacks.",
			sort:   sortAge,
			tone:   "bad",
		}, {
			name:    stateUnanswered,
			label:   "Unanswered",
			heading: "Unanswered workflows",
			lead: "These approvals were decided, but their workflow did not wait for the answer, or it is not known whether " +
				"it got it. Look at the execution; if it ended without the answer, have its owner start it again. Then dismiss.",
			empty:  "Every decision has reached its workflow.",
			beyond: "There are no more unanswered workflows.",
			sort:   sortAge,
			tone:   "bad",
		}, {
			name:    stateClosed,
			label:   "Closed",
			heading: "Closed approvals",
			empty:   "No approval was closed.",
			beyond:  "There are no more closed approvals.",
			sort:    sortClosed,
		}, {
			name:    stateAll,
			label:   "All",
			heading: "All approvals",
			empty:   "There is no approval.",
			beyond:  "There are no more approvals.",
			sort:    sortOrder,
		},
	}
}

func findListState(name string) (listState, bool) {
	for _, s := range listStates() {
		if s.name == name {
			return s, true
		}
	}
	return listState{}, false
}

// mustState returns the state with a name of the list above.
func mustState(name string) listState {
	s, ok := findListState(name)
	if !ok {
		panic("console: no state " + name)
	}
	return s
}

// statePath returns the address of the list in a state.
func statePath(name string) string { return listPath(url.Values{paramState: {name}}) }
