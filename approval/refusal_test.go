package approval

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A refusal that may pass is retried until refusals in a row have lasted for their limit, from the first of them. The
// time does not count from the closing of the approval: a receiver that was down for long may answer 404 while it
// starts.
func TestRefusalsAreRetriedForTheirLimit(t *testing.T) {
	t.Parallel()
	refusal := Result{Kind: ResultFailed, Reason: "the receiver answered 404", RefusalLimit: 10 * time.Minute}
	for name, c := range map[string]struct {
		results func(now time.Duration) Result
		want    CallbackState
		ends    time.Duration // at this time, or with the first attempt after it
	}{
		"a rollout": {func(now time.Duration) Result {
			if now < 7*time.Minute {
				return refusal
			}
			return ok
		}, CallbackDelivered, 7 * time.Minute},
		"for good": {func(time.Duration) Result { return refusal }, CallbackExhausted, 10 * time.Minute},
		"after an outage": {func(now time.Duration) Result {
			if now < 30*time.Minute {
				return lost
			}
			return refusal
		}, CallbackExhausted, 40 * time.Minute},
		"with failures in between": {func(now time.Duration) Result {
			if now > 20*time.Minute {
				return ok
			}
			if now.Truncate(time.Minute)%(2*time.Minute) == 0 {
				return refusal
			}
			return notApplied
		}, CallbackDelivered, 20 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, a, act := approvedOrder(t)
			now := time.Duration(0)
			for range 500 {
				r := c.results(now)
				o.RecordCallbackResult(act, r, envAt(now))
				last := o.History[len(o.History)-1]
				if a.Callback.State != CallbackPending {
					break
				}
				require.Equal(t, string(ResultFailed), last.Code)
				now = o.NextDue().Sub(began)
				o = storeAndLoad(t, o)
				a = o.FindApproval(a.ID)
				act = onlyCallback(t, o.Advance(envAt(now)))
			}
			require.Equal(t, c.want, a.Callback.State)
			require.GreaterOrEqual(t, now, c.ends)
			require.Less(t, now, c.ends+2*time.Minute)
		})
	}
}

// A redrive begins the time again, so that an operator's redrive lives through a rollout too.
func TestRedriveRetriesRefusalsAgain(t *testing.T) {
	t.Parallel()
	o, a, act := approvedOrder(t)
	refusal := Result{Kind: ResultFailed, RefusalLimit: time.Minute}
	o.RecordCallbackResult(act, refusal, envAt(0))
	act = onlyCallback(t, o.Advance(envAt(2*time.Minute)))
	dead := o.RecordCallbackResult(act, refusal, envAt(2*time.Minute))
	require.Equal(t, CallbackExhausted, a.Callback.State)
	require.Len(t, ofKind(ActionDeadLetter, dead), 1)

	redriven, actions := o.RedriveCallback(a.ID, Actor{}, 0, envAt(time.Hour))
	require.True(t, redriven)
	o.RecordCallbackResult(onlyCallback(t, actions), refusal, envAt(time.Hour))
	require.Equal(t, CallbackPending, a.Callback.State)
}
