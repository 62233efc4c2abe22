package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// newListed returns an order with a pending approval of which every field has a value.
func newListed() (*approval.Order, *approval.Approval) {
	a := &approval.Approval{
		ID:          "approval-7",
		Status:      approval.Pending,
		RequestedAt: startTime,
		Votes: []approval.Vote{
			{By: "cid@example.com", Outcome: approval.Approve},
			{By: "eve@example.com", Void: true},
		},
		Request: approval.Request{
			Workflow:  "payments",
			Step:      "second",
			Title:     "Pay Straße 7 to Ada Lovelace",
			Requester: "rita@example.com",
			Execution: "arn:aws:states:eu-west-1:123456789012:execution:Payments:run-17",
			Deadline:  startTime.Add(time.Hour),
			Approvers: []approval.Approver{
				{ID: "ann@example.com"},
				{ID: "bob@example.com", Declined: true},
				{ID: "cid@example.com"},
				{ID: "sub@example.com", SubstituteFor: "cid@example.com"},
			},
		},
	}
	return &approval.Order{ID: "A-2012", Approvals: []*approval.Approval{a}}, a
}

func TestFilterMatches(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		filter store.Filter
		want   bool
	}{
		"nothing":                {store.Filter{}, true},
		"workflow":               {store.Filter{Workflow: "payments"}, true},
		"part of a workflow":     {store.Filter{Workflow: "payment"}, false},
		"approver":               {store.Filter{Approver: " Ann@Example.com"}, true},
		"part of an approver":    {store.Filter{Approver: "ann"}, false},
		"who declined":           {store.Filter{Approver: "bob@example.com"}, true},
		"a voter":                {store.Filter{Approver: "cid@example.com"}, true},
		"a void vote":            {store.Filter{Approver: "eve@example.com"}, false},
		"the requester":          {store.Filter{Approver: "rita@example.com"}, false},
		"waits for":              {store.Filter{WaitsFor: "ann@example.com"}, true},
		"not for who declined":   {store.Filter{WaitsFor: "bob@example.com"}, false},
		"not for who voted":      {store.Filter{WaitsFor: "cid@example.com"}, false},
		"nor for the substitute": {store.Filter{WaitsFor: "sub@example.com"}, false},
		"nor for a stranger":     {store.Filter{WaitsFor: "dan@example.com"}, false},
		"requester":              {store.Filter{Requester: "RITA@example.com"}, true},
		"another requester":      {store.Filter{Requester: "ann@example.com"}, false},
		"ARN":                    {store.Filter{Execution: "arn:aws:states:eu-west-1:123456789012:execution:Payments:run-17"}, true},
		"name of the execution":  {store.Filter{Execution: "run-17"}, true},
		"part of its name":       {store.Filter{Execution: "17"}, false},
		"text in title":          {store.Filter{Text: "lovelace"}, true},
		"text in upper case":     {store.Filter{Text: "STRAßE"}, true},
		"text in order":          {store.Filter{Text: "a-20"}, true},
		"text in approval":       {store.Filter{Text: "approval-7"}, true},
		"text in approver":       {store.Filter{Text: "sub@"}, true},
		"text in requester":      {store.Filter{Text: "rita"}, true},
		"text in execution":      {store.Filter{Text: "RUN-17"}, true},
		"text in workflow":       {store.Filter{Text: "ayment"}, true},
		"text in step":           {store.Filter{Text: "SECOND"}, true},
		"text nowhere":           {store.Filter{Text: "lovelacex"}, false},
		"requested before":       {store.Filter{RequestedBefore: startTime.Add(1)}, true},
		"requested at the limit": {store.Filter{RequestedBefore: startTime}, false},
		"deadline before":        {store.Filter{DeadlineBefore: startTime.Add(time.Hour + 1)}, true},
		"deadline at the limit":  {store.Filter{DeadlineBefore: startTime.Add(time.Hour)}, false},
		"closed before":          {store.Filter{ClosedBefore: startTime.Add(time.Hour)}, false},
		"closed after":           {store.Filter{ClosedAfter: startTime.Add(-time.Hour)}, false},
		"visible":                {store.Filter{IsVisible: func(w string) bool { return w == "payments" }}, true},
		"not visible":            {store.Filter{IsVisible: func(w string) bool { return w == "refunds" }}, false},
		"two fields":             {store.Filter{Workflow: "payments", Text: "refund"}, false},
	} {
		o, a := newListed()
		require.Equal(t, c.want, c.filter.Matches(o, a), name)
	}
}

func TestFilterMatchesClosed(t *testing.T) {
	t.Parallel()
	o, a := newListed()
	a.Status = approval.Approved
	a.ClosedAt = startTime
	for _, c := range []struct {
		filter store.Filter
		want   bool
	}{
		{store.Filter{ClosedAfter: startTime}, true},
		{store.Filter{ClosedAfter: startTime.Add(1)}, false},
		{store.Filter{ClosedBefore: startTime}, false},
		{store.Filter{ClosedBefore: startTime.Add(1)}, true},
		{store.Filter{WaitsFor: "ann@example.com"}, false},
		{store.Filter{Approver: "ann@example.com"}, true},
	} {
		require.Equal(t, c.want, c.filter.Matches(o, a), "%+v", c.filter)
	}
}

// TestStatesMatch has an approval of every kind, and the states in which it is listed. The set of its order agrees.
func TestStatesMatch(t *testing.T) {
	t.Parallel()
	callback := func(s approval.Status, c approval.CallbackState) *approval.Approval {
		return &approval.Approval{Status: s, Callback: approval.Callback{State: c}}
	}
	listed := func(states ...store.State) []store.State { return states }
	failed := func(s store.State) []store.State { return listed(s, store.StateAttention, store.StateClosed) }
	failing := callback(approval.Approved, approval.CallbackPending)
	failing.Callback.LastError = "timeout"
	notify := callback(approval.Pending, approval.CallbackNone)
	notify.Notifications = []*approval.Notification{{State: approval.NotificationPending, LastError: "timeout"}}
	unknown := callback(approval.Pending, approval.CallbackNone)
	unknown.Undeliverable = true
	for name, c := range map[string]struct {
		approval *approval.Approval
		want     []store.State
	}{
		"pending":      {callback(approval.Pending, approval.CallbackNone), listed(store.StatePending)},
		"answered":     {callback(approval.Approved, approval.CallbackDelivered), listed(store.StateClosed)},
		"owed":         {callback(approval.Approved, approval.CallbackPending), listed(store.StateClosed)},
		"failing":      {failing, failed(store.StateRetrying)},
		"not notified": {notify, listed(store.StatePending, store.StateRetrying, store.StateAttention)},
		"nobody knows": {unknown, listed(store.StatePending, store.StateUndeliverable, store.StateAttention)},
		"exhausted":    {callback(approval.Rejected, approval.CallbackExhausted), failed(store.StateExhausted)},
		"too late":     {callback(approval.Approved, approval.CallbackTooLate), failed(store.StateUnanswered)},
		"timed out":    {callback(approval.TimedOut, approval.CallbackTooLate), failed(store.StateUnanswered)},
		"cancelled":    {callback(approval.Cancelled, approval.CallbackTooLate), listed(store.StateClosed)},
		"superseded":   {callback(approval.Superseded, approval.CallbackSuperseded), listed(store.StateClosed)},
	} {
		set := store.StatesOf(&approval.Order{Approvals: []*approval.Approval{c.approval}})
		for _, s := range store.States() {
			isWanted := false
			for _, want := range c.want {
				isWanted = isWanted || s == want
			}
			require.Equal(t, isWanted, s.Matches(c.approval), "%s: %s", name, s)
			if s.Set() != 0 {
				require.Equal(t, isWanted, set&s.Set() != 0, "%s: %s", name, s)
			}
		}
		require.True(t, store.StateAll.Matches(c.approval))
	}
	require.False(t, store.State("other").IsKnown())
	require.False(t, store.State("other").Matches(unknown))
}
