package approval

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var errBusy = errors.New("busy")

func byMail(a *Request) { a.Channels = []string{"mail"} }

// notifyingOrder returns an order with a pending notification, and the first attempt of the notification.
func notifyingOrder(t tb, change ...func(*Request)) (*Order, *Approval, Action) {
	t.Helper()
	o := &Order{ID: "o-1"}
	a, actions := addRequest(t, o, newRequest("t1", append(change, byMail)...), envAt(0))
	require.Equal(t, "notify", joinKinds(actions))
	return o, a, actions[0]
}

func TestNotifications(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		ends []Result
		want NotificationState
	}{
		"sent":               {[]Result{ok}, NotificationSent},
		"sent at the second": {[]Result{lost, ok}, NotificationSent},
		"refused":            {[]Result{refused}, NotificationExhausted},
	}
	for name, tc := range cases {
		o, a, act := notifyingOrder(t)
		for i, r := range tc.ends {
			_, n := o.CurrentNotification(act, act.LeaseExpires.Add(-1))
			require.NotNil(t, n, name)
			_, n = o.CurrentNotification(act, act.LeaseExpires)
			require.Nil(t, n, name)
			now := act.LeaseExpires.Add(-time.Minute).Sub(began)
			actions := o.RecordNotificationResult(act, r, envAt(now))
			before := marshalOrder(t, o)
			require.Empty(t, o.RecordNotificationResult(act, r, envAt(now)))
			require.Equal(t, before, marshalOrder(t, o), name)
			if i < len(tc.ends)-1 {
				actions = o.Advance(Environment{Now: o.NextDue(), Lease: time.Minute})
				require.Equal(t, "notify", joinKinds(actions), name)
				act = actions[0]
			} else {
				require.Equal(t, tc.want == NotificationExhausted, joinKinds(actions) == "dead_letter", name)
			}
		}
		require.Equal(t, tc.want, a.Notifications[0].State, name)
		require.Equal(t, a.Deadline, o.NextDue(), name)
	}
}

// A notification without any recorded result becomes exhausted like a failing one.
func TestNotificationWithoutResultsIsExhausted(t *testing.T) {
	t.Parallel()
	o, a, _ := notifyingOrder(t)
	for attempts := 0; a.Notifications[0].State == NotificationPending; attempts++ {
		require.Less(t, attempts, 62)
		if joinKinds(o.Advance(Environment{Now: o.NextDue(), Lease: time.Minute})) == "dead_letter" {
			require.Contains(t, a.Notifications[0].LastError, "not recorded")
		}
	}
	require.Equal(t, NotificationExhausted, a.Notifications[0].State)
}

// A notification that becomes too old while it waits for its retry keeps the error of its last attempt.
func TestTooOldNotificationKeepsItsError(t *testing.T) {
	t.Parallel()
	o, a, act := notifyingOrder(t)
	o.RecordNotificationResult(act, lost, envAt(0))
	require.Equal(t, "dead_letter", joinKinds(o.Advance(envAt(time.Hour+1))))
	require.Equal(t, NotificationExhausted, a.Notifications[0].State)
	require.Equal(t, lost.Reason, a.Notifications[0].LastError)
}

func TestPendingNotificationIsDroppedAtTheEnd(t *testing.T) {
	t.Parallel()
	o, a, act := notifyingOrder(t, func(a *Request) { a.Channels = nil })
	n := a.Notifications[0]
	requireVerdict(t, o, approveDecision("d"), envAt(1), VerdictDecided)
	_, current := o.CurrentNotification(act, at(2))
	require.Nil(t, current)
	require.Equal(t, NotificationPending, n.State, "its process records the result later")
	o.RecordNotificationResult(act, lost, envAt(2))
	require.Equal(t, NotificationDropped, n.State)
	before := marshalOrder(t, o)
	o.RecordNotificationResult(act, lost, envAt(2))
	require.Equal(t, before, marshalOrder(t, o))
	o.RecordNotificationResult(act, ok, envAt(3))
	require.Equal(t, NotificationSent, n.State)
}

// A message whose process died after the approval had closed is not sent again. What that process reports late is not the
// result of an attempt that runs.
func TestNotificationThatRanAtTheEndIsNotSentAgain(t *testing.T) {
	t.Parallel()
	o, a, act := notifyingOrder(t, func(a *Request) { a.Channels = nil })
	n := a.Notifications[0]
	requireVerdict(t, o, approveDecision("d"), envAt(1), VerdictDecided)
	require.Empty(t, ofKind(ActionNotify, o.Advance(envAt(2*time.Minute))), "its lease has ended")
	require.Equal(t, NotificationDropped, n.State)
	require.Equal(t, 1, n.Attempts)
	before := marshalOrder(t, o)
	o.RecordNotificationResult(act, lost, envAt(2*time.Minute))
	require.Equal(t, before, marshalOrder(t, o))
}

func TestRemindersToApproversWithoutVote(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	all := withPolicy(Policy{Kind: PolicyAll})
	reminders := func(a *Request) { // in any order
		a.Reminders = []time.Time{at(20 * time.Minute), at(10 * time.Minute), at(30 * time.Minute)}
	}
	a, actions := addRequest(t, o, newRequest("t1", withApprovers("a", "b"), byMail, all, reminders), envAt(0))
	require.Equal(t, "notify notify", joinKinds(actions))
	for _, act := range actions {
		o.RecordNotificationResult(act, ok, envAt(0))
	}
	requireVerdict(t, o, approveDecision("d", by("a")), envAt(1), VerdictRecorded)
	require.Equal(t, at(10*time.Minute), o.NextDue())
	actions = o.Advance(envAt(25 * time.Minute))
	require.Equal(t, "notify", joinKinds(actions), "a single reminder for both times, and only to b")
	require.Equal(t, "b", a.Notifications[2].Approver)
	require.Equal(t, 2, a.RemindersSent)
	o.RecordNotificationResult(actions[0], ok, envAt(25*time.Minute))
	require.Equal(t, at(30*time.Minute), o.NextDue())
	require.Equal(t, "notify", joinKinds(o.Advance(envAt(time.Hour))))
}

func TestNotificationsAreLimitedAndTheirIDsUnique(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	a, actions := addRequest(t, o, newRequest("t1", func(a *Request) {
		a.Channels = []string{"mail", "chat"}
		for i := range 40 {
			withApprovers(fmt.Sprint(i))(a)
			a.Reminders = append(a.Reminders, at(time.Duration(i+1)*time.Minute))
		}
	}), envAt(0))
	seen := map[string]bool{}
	for i := range 40 {
		for _, act := range actions {
			require.False(t, seen[act.Notification], act.Notification)
			seen[act.Notification] = true
			if act.Attempt == 1 && i%4 != 0 {
				o.RecordNotificationResult(act, ok, envAt(time.Duration(i)*time.Minute))
			}
		}
		actions = nil
		for _, act := range o.Advance(Environment{Now: at(time.Duration(i+1) * time.Minute), Lease: 24 * time.Hour}) {
			if act.Kind == ActionNotify && act.Attempt == 1 {
				actions = append(actions, act)
			}
		}
		require.LessOrEqual(t, len(a.Notifications), MaxNotifications)
	}
	require.Greater(t, len(seen), MaxNotifications)
}

func TestRetrySchedule(t *testing.T) {
	t.Parallel()
	r := RetrySchedule{Base: time.Second, Cap: 5 * time.Minute}
	for i, seconds := range []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
		window := time.Duration(seconds) * time.Second
		require.Equal(t, began, r.NextAttempt(i+1, began, 0))
		require.Equal(t, began.Add(window/2), r.NextAttempt(i+1, began, 0.5))
		require.True(t, r.NextAttempt(i+1, began, 0.999999).Before(began.Add(window)))
	}
	wide := RetrySchedule{Base: 1, Cap: 1<<62 + 1}
	require.Equal(t, began.Add(1<<61), wide.NextAttempt(1000, began, 0.5), "no overflow")
	for _, r := range []RetrySchedule{
		{}, {Base: time.Hour, Cap: time.Second}, {Base: 1, Cap: 1<<63 - 1}, {Base: -1, Cap: -1},
		{Base: 0, Cap: time.Hour},
	} {
		for _, attempt := range []int{0, 1, 64, 1 << 30} {
			require.False(t, r.NextAttempt(attempt, began, 0.5).Before(began), "%v %d", r, attempt)
		}
	}
}

// Many messages that can be edited leave no room. The approver of an escalation is asked all the same.
func TestEscalationIsAskedAlsoAtTheLimit(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	a, actions := addRequest(t, o, newRequest("t1", withEscalations(escalationToBoss(time.Hour)), func(r *Request) {
		r.Channels = []string{"mail", "chat"}
		for i := range 30 {
			withApprovers(fmt.Sprint(i))(r)
			r.Reminders = append(r.Reminders, at(time.Duration(i+1)*time.Minute))
		}
	}), envAt(0))
	for i := range 31 {
		now := envAt(time.Duration(i) * time.Minute)
		for _, act := range append(ofKind(ActionNotify, actions), o.Advance(now)...) {
			o.RecordNotificationResult(act, Result{Kind: ResultOK, Receipt: act.Notification}, now)
		}
		actions = nil
	}
	require.Len(t, a.Notifications, MaxNotifications)
	asked := ofKind(ActionNotify, o.Advance(envAt(time.Hour)))
	require.Len(t, asked, 2)
	for _, act := range asked {
		require.Equal(t, "boss", a.findNotification(act.Notification).Approver)
	}
	require.Len(t, a.Notifications, MaxNotifications)
}
