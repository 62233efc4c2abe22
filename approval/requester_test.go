package approval

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// byRequester gives a request a requester who is told by mail.
func byRequester(r *Request) {
	r.Requester = "rita"
	r.RequesterChannels = []string{"mail"}
	r.RequesterNonce = "n-rita"
	r.RequesterWithdraws = true
	r.RequesterAnswers = true
}

// toldReasons lists the reasons of the messages to the requester.
func toldReasons(a *Approval) []string {
	var out []string
	for _, n := range a.Notifications {
		if n.Kind == NotifyRequester {
			out = append(out, n.Event)
		}
	}
	return out
}

func TestRequesterIsTold(t *testing.T) {
	t.Parallel()
	decide := func(change ...func(*Decision)) func(*Order) {
		return func(o *Order) { requireVerdict(t, o, approveDecision("1", change...), envAt(1), VerdictDecided) }
	}
	for name, c := range map[string]struct {
		end    func(*Order)
		change func(*Request)
		want   []string
	}{
		"approved":      {decide(), nil, []string{"received", "decided"}},
		"rejected":      {decide(rejecting), nil, []string{"received", "decided"}},
		"timed out":     {func(o *Order) { o.Advance(envAt(deadline)) }, nil, []string{"received", "timed_out"}},
		"cancelled":     {func(o *Order) { o.Cancel("", "ops", "twice", envAt(1)) }, nil, []string{"received", "cancelled"}},
		"undeliverable": {func(*Order) {}, func(r *Request) { r.Channels = nil }, []string{"received", "undeliverable"}},
		"superseded": {func(o *Order) {
			_, _, _ = o.AddRequest(newRequest("t2", withApprovers("ann"), func(r *Request) { r.AttemptStartedAt = at(1) }), envAt(1))
		}, nil, []string{"received"}},
		"not configured": {func(o *Order) { o.Advance(envAt(deadline)) }, func(r *Request) { r.RequesterChannels = nil }, nil},
		"not known":      {func(o *Order) { o.Advance(envAt(deadline)) }, func(r *Request) { r.Requester = "" }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			change := c.change
			if change == nil {
				change = func(*Request) {}
			}
			o, a := pendingOrder(t, withApprovers("ann", "bob"), withChannel, byRequester, change)
			c.end(o)
			o.Advance(envAt(deadline + 1)) // nothing is told twice
			want := c.want
			if name == "undeliverable" {
				want = append(want, "timed_out")
			}
			require.Equal(t, want, toldReasons(a))
			back := storeAndLoad(t, o)
			require.Equal(t, o.Approvals[0].RequesterTold, back.Approvals[0].RequesterTold)
		})
	}
}

// Messages to the requester are sent after the approval has closed, and count neither as notified approvers nor as failed.
func TestMessagesToTheRequesterOutliveTheApproval(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withApprovers("ann"), withChannel, byRequester)
	o.Cancel("", "ops", "twice", envAt(1))
	var sent []string
	for _, n := range a.Notifications {
		if n.State == NotificationPending {
			sent = append(sent, string(n.Kind)+" "+n.Event)
		}
	}
	require.Contains(t, sent, "requester cancelled")
	require.True(t, a.FirstNotifiedAt.IsZero())
}

// The link of the requester never decides, and the link of an approver is not the requester's.
func TestRequesterCapability(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withApprovers("ann"), byRequester)
	c := o.RequesterCapability(a)
	require.Empty(t, c.Allowed)
	require.True(t, a.AcceptsRequester(c, at(0)))
	require.False(t, a.AcceptsCapability(c, at(0)))
	require.False(t, a.AcceptsRequester(o.LinkCapability(a, "ann"), at(0)))
	require.False(t, a.AcceptsRequester(o.LinkCapability(a, ""), at(0)))
	require.False(t, a.AcceptsRequester(c, c.Expires))
	deciding := c
	deciding.Allowed = []Outcome{Approve}
	require.False(t, a.AcceptsRequester(deciding, at(0)))
	untold, b := pendingOrder(t, withApprovers("ann"))
	require.False(t, b.AcceptsRequester(untold.RequesterCapability(b), at(0)), "without a nonce there is no link")
}

// Approvers who were told and had not decided are told once, where their message cannot be edited.
func TestUndecidedApproversAreTold(t *testing.T) {
	t.Parallel()
	decided := func(a *Approval) []string {
		var out []string
		for _, n := range a.Notifications {
			if n.Kind == NotifyDecided {
				out = append(out, n.Channel+">"+n.Approver)
			}
		}
		return out
	}
	reach := func(a *Approval, receipts map[string]string) {
		for _, n := range a.Notifications {
			if n.Approver != "unreached" {
				n.State = NotificationSent
				n.Receipt = receipts[n.Approver]
			}
		}
	}
	quorum := withPolicy(Policy{Kind: PolicyQuorum, Quorum: 2})
	two := func(r *Request) { r.Channels = []string{"mail", "other"} }
	o, a := pendingOrder(t, withApprovers("ann", "bob", "carol", "dora", "unreached"), two, quorum)
	reach(a, map[string]string{"carol": "receipt"})
	requireVerdict(t, o, approveDecision("1"), envAt(1), VerdictRecorded)
	require.Empty(t, decided(a))
	requireVerdict(t, o, approveDecision("2", by("bob")), envAt(1), VerdictDecided)
	require.Equal(t, []string{"mail>dora"}, decided(a))

	group, b := pendingOrder(t, withApprovers("ann", "bob"), withChannel, func(r *Request) { r.GroupChannels = []string{"mail"} })
	reach(b, nil)
	requireVerdict(t, group, approveDecision("1"), envAt(1), VerdictDecided)
	require.Equal(t, []string{"mail>"}, decided(b))

	for name, end := range map[string]func(*Order){
		"timed out": func(o *Order) { o.Advance(envAt(deadline)) },
		"cancelled": func(o *Order) { o.Cancel("", "ops", "twice", envAt(1)) },
	} {
		o, a := pendingOrder(t, withApprovers("ann", "bob"), withChannel)
		reach(a, nil)
		end(o)
		require.Empty(t, decided(a), name)
	}
	quiet, c := pendingOrder(t, withApprovers("ann", "bob"), withChannel, func(r *Request) { r.DecidedUntold = true })
	reach(c, nil)
	requireVerdict(t, quiet, approveDecision("1"), envAt(time.Minute), VerdictDecided)
	require.Empty(t, decided(c))
}
