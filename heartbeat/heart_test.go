package heartbeat_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// A heartbeat that goes well writes nothing, and the pause between two of them is never longer than the interval.
func TestTakenHeartbeatsWriteNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		k := w.startWorker("a")
		for _, id := range orderIDs(50) {
			k.request(id)
		}
		written := w.store.stored()
		require.Equal(t, 50, written)
		time.Sleep(10 * interval)
		require.Equal(t, written, w.store.stored())
		require.GreaterOrEqual(t, w.sent(), 50*10)
		require.LessOrEqual(t, w.sent(), 50*14)
		require.LessOrEqual(t, w.longestPause(), interval)
		require.Empty(t, w.lost())
		w.stopAll()
	})
}

// A target that answers late does not stretch the interval, and gets one heartbeat at a time of an approval.
func TestTargetAnswersLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.interval = 2 * time.Second
		w.answersAfter = time.Second
		k := w.startWorker("a")
		for _, id := range orderIDs(50) {
			k.request(id)
		}
		time.Sleep(20 * w.interval)
		require.LessOrEqual(t, w.longestPause(), w.interval)
		require.LessOrEqual(t, w.sent(), 50*28)
		w.stopAll()
		time.Sleep(w.answersAfter) // those in progress end
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.interval = 2 * time.Second
		w.answersAfter = 3 * time.Second
		k := w.startWorker("a")
		k.request("slow")
		time.Sleep(20 * w.interval)
		require.LessOrEqual(t, w.longestPause(), w.answersAfter+w.interval/16)
		require.LessOrEqual(t, w.sent(), 13)
		w.stopAll()
		time.Sleep(w.answersAfter) // those in progress end
	})
}

// Heartbeats that were due at the same time do not stay together.
func TestHeartbeatsSpread(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		k := w.startWorker("a")
		for _, id := range orderIDs(2000) {
			k.request(id)
		}
		time.Sleep(8 * interval)
		requireSpread(t, w, interval, 2000)
		w.stopAll()
	})
}

// requireSpread requires that no sixteenth of the next time has more than twice its share of the heartbeats.
func requireSpread(t *testing.T, w *world, within time.Duration, approvals int) {
	t.Helper()
	const parts = 16
	most := 0
	for range parts {
		before := w.sent()
		time.Sleep(within / parts)
		most = max(most, w.sent()-before)
	}
	share := float64(approvals) * float64(within) / float64(interval) / 0.875 / parts
	require.Less(t, float64(most), 2*share, "at once")
}

// While the target throttles, a heartbeat is sent again after an eighth of its interval, and its failure is recorded as that
// of any action. Afterwards the heartbeats do not come in bunches.
func TestHeartbeatsAfterAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		k := w.startWorker("a")
		for _, id := range orderIDs(2000) {
			k.request(id)
			time.Sleep(interval / 2000)
		}
		time.Sleep(3 * interval)
		throttled := "" // a heartbeat at the beginning of the outage: those of some orders come due after its end only
		w.setFails(func(token string) error {
			if throttled == "" {
				throttled = token
			}
			return approval.NotApplied(errors.New("throttled"))
		})
		before := w.sent()
		time.Sleep(interval * 3 / 4)
		require.Greater(t, w.sent()-before, 2*2000, "they are repeated")
		w.setFails(nil)
		time.Sleep(interval / 8)
		written := w.store.stored()
		time.Sleep(interval)
		require.Equal(t, written, w.store.stored())
		require.Empty(t, w.lost())
		requireSpread(t, w, interval, 2000)

		o, err := w.store.Get(t.Context(), strings.TrimPrefix(throttled, "token-"))
		require.NoError(t, err)
		failures := 0
		for _, e := range o.History {
			if e.Kind == approval.EventHeartbeat && e.Code == string(approval.ResultFailed) {
				failures++
			}
		}
		require.Positive(t, failures)
		require.False(t, o.Approvals[0].HeartbeatTaken.IsZero(), "the record was written anyway")
		w.stopAll()
	})
}

func (w *world) setFails(f func(string) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fails = f
}

// The attempts that our own rate limit holds back leave no trace in the record.
func TestHeartbeatsThatWereNotMadeWriteNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		k := w.startWorker("a")
		k.request("o-1")
		w.setFails(func(string) error { return approval.NotMade(approval.NotApplied(errors.New("rate limit"))) })
		time.Sleep(interval + time.Minute)
		require.Greater(t, w.sent(), 60)
		require.Equal(t, 1, w.store.stored())
		w.setFails(nil)
		time.Sleep(interval)
		require.Equal(t, 1, w.store.stored())
		require.Empty(t, w.lost())
		w.stopAll()
	})
}

// A process that starts sends the heartbeats of all pending approvals, whenever the one before has ended.
func TestHeartbeatsAfterARestart(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*worker){"killed": (*worker).kill, "stopped": (*worker).stop} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				k := w.startWorker("a")
				for _, id := range orderIDs(1200) {
					k.request(id)
				}
				written := w.store.stored()
				for range 7 {
					time.Sleep(interval*9/10 + time.Second)
					end(k)
					time.Sleep(time.Minute) // a deployment
					k = w.startWorker("a")
				}
				time.Sleep(2 * interval)
				require.Empty(t, w.lost())
				require.LessOrEqual(t, w.longestPause(), interval+interval/4+time.Minute+10*time.Second)
				require.Equal(t, written, w.store.stored())
				kept, late := k.schedule.Stats()
				require.Equal(t, 1200, kept)
				require.Zero(t, late)
				w.stopAll()
			})
		})
	}
}

// The heartbeats end with the approval.
func TestNoHeartbeatAfterTheAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		k := w.startWorker("a")
		for _, id := range orderIDs(20) {
			k.request(id)
		}
		time.Sleep(3 * interval)
		for _, id := range orderIDs(20) {
			k.decide(id)
		}
		synctest.Wait()
		kept, _ := k.schedule.Stats()
		require.Zero(t, kept)
		before := w.sent()
		time.Sleep(3 * interval)
		require.Equal(t, before, w.sent())
		require.Len(t, w.delivered, 20)
		w.stopAll()
	})
}

// While the callback fails, the workflow gets its heartbeats from the record, also from the next process.
func TestHeartbeatsWhileTheCallbackFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		k := w.startWorker("a")
		for _, id := range orderIDs(40) {
			k.request(id)
		}
		time.Sleep(2 * interval)
		w.setDeliveryFails(errors.New("unavailable"))
		for i, id := range orderIDs(40) {
			if i == 20 {
				k.kill()
				k = w.startWorker("a") // knows nothing of the heartbeats before
			}
			k.decide(id)
			time.Sleep(interval / 40)
		}
		time.Sleep(4 * limit)
		require.Empty(t, w.lost())
		w.setDeliveryFails(nil)
		time.Sleep(2 * time.Minute)
		w.stopAll()
		w.mu.Lock()
		defer w.mu.Unlock()
		require.Len(t, w.delivered, 40)
	})
}

func (w *world) setDeliveryFails(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deliveryFails = err
}

// A heartbeat that learns that the task is closed ends the approval.
func TestHeartbeatFindsTheTaskClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		k := w.startWorker("a")
		k.request("o-1")
		time.Sleep(interval + time.Second)
		w.mu.Lock()
		w.tasks["token-o-1"].isOver = true
		w.mu.Unlock()
		time.Sleep(interval)
		a := w.order("o-1")
		require.Equal(t, approval.Cancelled, a.Status)
		require.Equal(t, approval.CallbackTooLate, a.Callback.State)
		require.False(t, a.HeartbeatsKept)
		kept, _ := k.schedule.Stats()
		require.Zero(t, kept)
		before := w.sent()
		time.Sleep(2 * interval)
		require.Equal(t, before, w.sent())
		w.stopAll()
	})
}

// If the answer of the store is lost, the approval may be in the store, so its heartbeats are sent. A request that is not in
// the store is forgotten.
func TestHeartbeatsOfARequestThatMayBeStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		k := w.startWorker("a")
		w.store.failsAfter = errors.New("the answer was lost")
		k.request("o-1")
		w.store.failsAfter = nil
		time.Sleep(2 * limit)
		require.Empty(t, w.lost())
		require.Positive(t, w.sent())

		require.NoError(t, w.store.Store.Update(t.Context(), "o-1", func(o *approval.Order) error {
			o.Approvals = nil
			return nil
		}))
		time.Sleep(interval)
		kept, _ := k.schedule.Stats()
		require.Zero(t, kept)
		w.stopAll()
	})
}

// A store that is read-only may have been moved: its new worker sends the heartbeats.
func TestNoHeartbeatWhileReadOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		k := w.startWorker("a")
		k.request("o-1")
		time.Sleep(interval + time.Second)
		before := w.sent()
		k.setReadOnly(&store.ReadOnlyError{})
		time.Sleep(limit - 30*time.Second - interval)
		require.Equal(t, before, w.sent())
		k.setReadOnly(nil)
		time.Sleep(limit)
		require.Greater(t, w.sent(), before)
		require.Empty(t, w.lost())
		w.stopAll()
	})
}

// Records of an older program have their heartbeats due in the record. The first of them hands the others to the memory.
func TestHeartbeatsOfAnOlderProgram(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		old := w.startWorker("old")
		old.transitions.Heartbeats = nil
		for _, id := range orderIDs(30) {
			old.request(id)
		}
		time.Sleep(3*interval + time.Minute)
		old.stop()
		k := w.startWorker("new")
		time.Sleep(interval + time.Second)
		written := w.store.stored()
		before := w.sent()
		time.Sleep(5 * interval)
		require.Equal(t, written, w.store.stored())
		require.GreaterOrEqual(t, w.sent()-before, 30*5)
		require.Empty(t, w.lost())
		require.LessOrEqual(t, w.longestPause(), interval+2*time.Second)
		kept, _ := k.schedule.Stats()
		require.Equal(t, 30, kept)
		w.stopAll()
	})
}

// A panic while a heartbeat is sent is no end of the others.
func TestHeartbeatsAfterAPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		k := w.startWorker("a")
		k.request("o-1")
		k.request("o-2")
		w.setFails(func(token string) error {
			if token == "token-o-1" {
				panic("as a test wants it")
			}
			return nil
		})
		time.Sleep(limit - time.Minute)
		w.setFails(nil)
		time.Sleep(limit)
		require.Empty(t, w.lost())
		w.stopAll()
	})
}
