package callback_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/outbound"
)

// remote is a target with hosts that fail or hang as the test sets them. The step of an approval names its host.
type remote struct {
	mu       sync.Mutex
	calls    map[string]int
	failures map[string]error
	hangs    map[string]chan struct{}
}

func (r *remote) Deliver(ctx context.Context, a approval.Answer) error {
	r.mu.Lock()
	r.calls[a.Step]++
	failure, hang := r.failures[a.Step], r.hangs[a.Step]
	r.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-ctx.Done():
			return outbound.EndpointFailed(ctx.Err())
		}
	}
	return failure
}

func (r *remote) Heartbeat(ctx context.Context, a approval.Answer) error { return r.Deliver(ctx, a) }

func (r *remote) setFailure(host string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures[host] = err
}

func (r *remote) countCalls(host string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calls[host]
}

// behindBreaker returns a Breaker in front of the target, and the number of open circuits.
func (r *remote) behindBreaker() (*callback.Breaker, *int) {
	open := new(int)
	r.calls, r.failures = map[string]int{}, map[string]error{}
	return callback.NewBreaker(r, callback.BreakerConfig{
		Host:        func(a approval.Answer) string { return a.Step },
		OpenChanged: func(delta int) { *open += delta },
	}), open
}

func answerFor(host string) approval.Answer { return approval.Answer{Step: host} }

var errDown = outbound.EndpointFailed(approval.WithReasonCode(approval.ReasonNoAnswer, errors.New("no answer")))

// The circuit opens after enough failures, admits one trial call at a time, and closes after a success.
func TestBreakerOpensAndCloses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &remote{}
		b, open := r.behindBreaker()
		r.setFailure("down", errDown)
		for range callback.FailuresToOpen {
			require.ErrorIs(t, b.Deliver(t.Context(), answerFor("down")), errDown)
		}
		require.Equal(t, 1, *open)

		err := b.Deliver(t.Context(), answerFor("down"))
		result := approval.ResultOf(err)
		require.Equal(t, approval.ResultNotMade, result.Kind, "the order makes it later")
		require.False(t, result.MaybeApplied, "nothing was sent")
		require.Equal(t, callback.OpenDuration, result.After)
		require.Equal(t, approval.ReasonNoAnswer, result.ReasonCode, "the reason why the circuit is open")
		require.Equal(t, callback.FailuresToOpen, r.countCalls("down"), "the circuit is open")
		require.NoError(t, b.Deliver(t.Context(), answerFor("well")), "the circuit of another host is closed")

		time.Sleep(callback.OpenDuration + time.Millisecond)
		require.ErrorIs(t, b.Deliver(t.Context(), answerFor("down")), errDown, "the trial call")
		require.Error(t, b.Deliver(t.Context(), answerFor("down")))
		require.Equal(t, callback.FailuresToOpen+1, r.countCalls("down"))
		require.Equal(t, 1, *open)

		time.Sleep(callback.OpenDuration + time.Millisecond)
		r.setFailure("down", nil)
		for range 3 {
			require.NoError(t, b.Deliver(t.Context(), answerFor("down")))
		}
		require.Zero(t, *open)
	})
}

// Only one trial call is in progress at a time.
func TestBreakerMakesOneTrialCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &remote{}
		b, _ := r.behindBreaker()
		r.setFailure("down", errDown)
		for range callback.FailuresToOpen {
			_ = b.Deliver(t.Context(), answerFor("down"))
		}
		time.Sleep(callback.OpenDuration + time.Millisecond)
		hang := make(chan struct{})
		r.mu.Lock()
		r.hangs = map[string]chan struct{}{"down": hang}
		r.failures["down"] = nil
		r.mu.Unlock()
		var trial sync.WaitGroup
		trial.Go(func() { require.NoError(t, b.Deliver(t.Context(), answerFor("down"))) })
		synctest.Wait()
		require.Error(t, b.Deliver(t.Context(), answerFor("down")))
		require.Equal(t, callback.FailuresToOpen+1, r.countCalls("down"))
		close(hang)
		trial.Wait()
	})
}

// A refusal of the host or of our own rate limit does not open the circuit, and a successful heartbeat does not close it.
func TestBreakerCountsFailuresOnly(t *testing.T) {
	t.Parallel()
	refuseAll := rate.NewLimiter(0, 0)
	limited := callback.AttemptWithinLimit(t.Context(), refuseAll, time.Millisecond, nil)
	require.Error(t, limited)
	for name, refusal := range map[string]error{
		"refused":   approval.Permanent(errors.New("400")),
		"no right":  approval.NotApplied(errors.New("403")),
		"closed":    approval.ErrClosed,
		"our limit": limited,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &remote{}
			b, open := r.behindBreaker()
			r.setFailure("x", refusal)
			for range 3 * callback.FailuresToOpen {
				require.ErrorIs(t, b.Deliver(t.Context(), answerFor("x")), refusal)
			}
			require.Zero(t, *open)
		})
	}
	r := &remote{}
	b, open := r.behindBreaker()
	for range callback.FailuresToOpen {
		r.setFailure("x", errDown)
		_ = b.Deliver(t.Context(), answerFor("x"))
		r.setFailure("x", nil)
		require.NoError(t, b.Heartbeat(t.Context(), answerFor("x")))
	}
	require.Equal(t, 1, *open)
}

// Heartbeats, and answers to tasks that end soon, bypass the open circuit.
func TestBreakerSendsUrgentAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &remote{}
		b, open := r.behindBreaker()
		r.setFailure("x", errDown)
		soon, later := answerFor("x"), answerFor("x")
		soon.Expires, later.Expires = time.Now().Add(callback.UrgentBefore-time.Second), time.Now().Add(callback.UrgentBefore)
		for range callback.FailuresToOpen {
			_ = b.Deliver(t.Context(), later)
		}
		require.Equal(t, 1, *open)
		r.setFailure("x", nil)
		require.Error(t, b.Deliver(t.Context(), later))
		require.NoError(t, b.Deliver(t.Context(), soon))
		require.NoError(t, b.Heartbeat(t.Context(), later))
		require.Equal(t, callback.FailuresToOpen+2, r.countCalls("x"))
	})
}

// The answers that an outage has piled up come back one after the other, and none waits long.
func TestBreakerSpreadsWhatItRefuses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &remote{}
		b, _ := r.behindBreaker()
		r.setFailure("down", errDown)
		for range callback.FailuresToOpen {
			_ = b.Deliver(t.Context(), answerFor("down"))
		}
		perSecond := map[int]int{}
		for range 5000 {
			result := approval.ResultOf(b.Deliver(t.Context(), answerFor("down")))
			require.Equal(t, approval.ResultNotMade, result.Kind)
			require.GreaterOrEqual(t, result.After, callback.OpenDuration)
			perSecond[int(result.After/time.Second)]++
		}
		for second := 1; second < 20; second++ {
			require.Equal(t, 100, perSecond[second], second)
		}
		require.Equal(t, 5000-19*100, perSecond[20], "the longest wait")

		time.Sleep(time.Minute)
		_ = b.Deliver(t.Context(), answerFor("down")) // the trial call
		result := approval.ResultOf(b.Deliver(t.Context(), answerFor("down")))
		require.Equal(t, callback.OpenDuration, result.After, "all of them have come back")
	})
}

// Our own rate limit tells nothing of the host: it neither opens the circuit, nor counts as the trial call.
func TestOurOwnRateLimitIsNoFailureOfTheHost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &remote{}
		b, open := r.behindBreaker()
		limited := callback.AttemptWithinLimit(t.Context(), rate.NewLimiter(0, 0), time.Millisecond, nil)
		r.setFailure("x", errDown)
		for range callback.FailuresToOpen - 1 {
			_ = b.Deliver(t.Context(), answerFor("x"))
		}
		r.setFailure("x", outbound.EndpointFailed(limited)) // however it is wrapped
		for range 3 * callback.FailuresToOpen {
			result := approval.ResultOf(b.Deliver(t.Context(), answerFor("x")))
			require.Equal(t, approval.ResultNotMade, result.Kind)
		}
		require.Zero(t, *open, "it does not open the circuit")
		r.setFailure("x", errDown)
		_ = b.Deliver(t.Context(), answerFor("x"))
		require.Equal(t, 1, *open, "nor does it end the row of failures")

		time.Sleep(callback.OpenDuration + time.Millisecond)
		r.setFailure("x", limited)
		_ = b.Deliver(t.Context(), answerFor("x"))
		r.setFailure("x", nil)
		require.NoError(t, b.Deliver(t.Context(), answerFor("x")), "the trial call is still to be made")
	})
}

// Requests that name many hosts neither fill the memory nor leave the metric wrong.
func TestBreakerBoundsHosts(t *testing.T) {
	t.Parallel()
	r := &remote{}
	b, open := r.behindBreaker()
	for i := range 3000 {
		host := fmt.Sprint("down-", i)
		r.setFailure(host, errDown)
		for range callback.FailuresToOpen {
			_ = b.Deliver(t.Context(), answerFor(host))
		}
	}
	require.LessOrEqual(t, *open, 1000)
	require.Positive(t, *open)
}
