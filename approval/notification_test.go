package approval

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var errBusy = errors.New("busy")

func mail(a *Request) { a.Channels = []string{"mail"} }

// notifying returns an order that owes one notification, and its first attempt.
func notifying(t tb, change ...func(*Request)) (*Order, *Approval, Action) {
	t.Helper()
	o := &Order{ID: "o-1"}
	a, actions := request(t, o, ask("t1", append(change, mail)...), turn(0))
	require.Equal(t, "notify", kinds(actions))
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
		o, a, act := notifying(t)
		for i, r := range tc.ends {
			_, n := o.CurrentNotification(act, act.LeaseExpires.Add(-1))
			require.NotNil(t, n, name)
			_, n = o.CurrentNotification(act, act.LeaseExpires)
			require.Nil(t, n, name)
			now := act.LeaseExpires.Add(-time.Minute).Sub(began)
			actions := o.RecordNotificationResult(act, r, turn(now))
			before := record(t, o)
			require.Empty(t, o.RecordNotificationResult(act, r, turn(now)))
			require.Equal(t, before, record(t, o), name)
			if i < len(tc.ends)-1 {
				actions = o.Advance(Environment{Now: o.NextDue(), Lease: time.Minute})
				require.Equal(t, "notify", kinds(actions), name)
				act = actions[0]
			} else {
				require.Equal(t, tc.want == NotificationExhausted, kinds(actions) == "dead_letter", name)
			}
		}
		require.Equal(t, tc.want, a.Notifications[0].State, name)
		require.Equal(t, a.Deadline, o.NextDue(), name)
	}
}

// A handler that never says how it ended is given up like one that fails.
func TestANotificationWhoseAttemptsAreNeverRecordedIsGivenUp(t *testing.T) {
	t.Parallel()
	o, a, _ := notifying(t)
	for tries := 0; a.Notifications[0].State == NotificationPending; tries++ {
		require.Less(t, tries, 62)
		if kinds(o.Advance(Environment{Now: o.NextDue(), Lease: time.Minute})) == "dead_letter" {
			require.Contains(t, a.Notifications[0].LastError, "not recorded")
		}
	}
	require.Equal(t, NotificationExhausted, a.Notifications[0].State)
}

func TestWhatIsNotSentWhenItClosesIsDropped(t *testing.T) {
	t.Parallel()
	o, a, act := notifying(t, func(a *Request) { a.Channels = nil })
	n := a.Notifications[0]
	decide(t, o, approve("d"), turn(1), VerdictDecided)
	_, owed := o.CurrentNotification(act, at(2))
	require.Nil(t, owed)
	require.Equal(t, NotificationPending, n.State, "whoever began it says how it ended")
	o.RecordNotificationResult(act, lost, turn(2))
	require.Equal(t, NotificationDropped, n.State)
	before := record(t, o)
	o.RecordNotificationResult(act, lost, turn(2))
	require.Equal(t, before, record(t, o))
	o.RecordNotificationResult(act, ok, turn(3))
	require.Equal(t, NotificationSent, n.State)
}

func TestRemindersGoToThoseWhoHaveNotVoted(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	a, actions := request(t, o, ask("t1", approvers("a", "b"), mail, policy(Policy{Kind: PolicyAll}), func(a *Request) {
		a.Reminders = []time.Time{at(20 * time.Minute), at(10 * time.Minute), at(30 * time.Minute)} // in any order
	}), turn(0))
	require.Equal(t, "notify notify", kinds(actions))
	for _, act := range actions {
		o.RecordNotificationResult(act, ok, turn(0))
	}
	decide(t, o, approve("d", by("a")), turn(1), VerdictRecorded)
	require.Equal(t, at(10*time.Minute), o.NextDue())
	actions = o.Advance(turn(25 * time.Minute))
	require.Equal(t, "notify", kinds(actions), "one stands for the two that were missed, and only for b")
	require.Equal(t, "b", a.Notifications[2].Approver)
	require.Equal(t, 2, a.RemindersSent)
	o.RecordNotificationResult(actions[0], ok, turn(25*time.Minute))
	require.Equal(t, at(30*time.Minute), o.NextDue())
	require.Equal(t, "notify", kinds(o.Advance(turn(time.Hour))))
}

func TestNotificationsAreBoundedAndTheirIDsUnique(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	a, actions := request(t, o, ask("t1", func(a *Request) {
		a.Channels = []string{"mail", "chat"}
		for i := range 40 {
			approvers(fmt.Sprint(i))(a)
			a.Reminders = append(a.Reminders, at(time.Duration(i+1)*time.Minute))
		}
	}), turn(0))
	seen := map[string]bool{}
	for i := range 40 {
		for _, act := range actions {
			require.False(t, seen[act.Notification], act.Notification)
			seen[act.Notification] = true
			if act.Attempt == 1 && i%4 != 0 {
				o.RecordNotificationResult(act, ok, turn(time.Duration(i)*time.Minute))
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
	require.Equal(t, began.Add(1<<61), RetrySchedule{Base: 1, Cap: 1<<62 + 1}.NextAttempt(1000, began, 0.5), "no overflow")
	for _, r := range []RetrySchedule{{}, {Base: time.Hour, Cap: time.Second}, {Base: 1, Cap: 1<<63 - 1}, {Base: -1, Cap: -1}, {Base: 0, Cap: time.Hour}} {
		for _, attempt := range []int{0, 1, 64, 1 << 30} {
			require.False(t, r.NextAttempt(attempt, began, 0.5).Before(began), "%v %d", r, attempt)
		}
	}
}
