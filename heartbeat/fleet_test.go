package heartbeat_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

func newSharedWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.register = &register{workers: map[string]store.Worker{}}
	return w
}

// kept returns the number of approvals whose heartbeats a worker keeps.
func (k *worker) kept() int {
	n, _ := k.schedule.Stats()
	return n
}

// settle is longer than workers need to divide the orders anew.
const settle = 3 * time.Minute

// Each heartbeat is sent by one of the workers, whoever has taken the request.
func TestWorkersDivideTheHeartbeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newSharedWorld(t)
		a := w.startWorker("a")
		for _, id := range orderIDs(300) {
			a.request(id)
		}
		time.Sleep(settle)
		b := w.startWorker("b")
		time.Sleep(settle)
		require.Equal(t, 300, a.kept()+b.kept(), "each has one owner")
		require.InDelta(t, 150, b.kept(), 50)
		for i := range 40 {
			b.request(fmt.Sprintf("p-%d", i))
		}
		written, before := w.store.stored(), w.sent()
		time.Sleep(4 * interval)
		require.Equal(t, written, w.store.stored())
		require.LessOrEqual(t, w.sent()-before, 340*4*4/3+340)
		require.Empty(t, w.lost())

		// A decision on another worker ends the heartbeats.
		for _, id := range orderIDs(300) {
			b.decide(id)
		}
		time.Sleep(interval + time.Second)
		require.Equal(t, 40, a.kept()+b.kept())
		require.Len(t, w.delivered, 300)
		w.stopAll()
	})
}

// A worker that dies hands its heartbeats over within less than the interval.
func TestWorkersTakeOverFromADeadOne(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*worker){"killed": (*worker).kill, "stopped": (*worker).stop} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newSharedWorld(t)
				workers := []*worker{w.startWorker("a"), w.startWorker("b"), w.startWorker("c")}
				time.Sleep(settle)
				for i, id := range orderIDs(300) {
					workers[i%3].request(id) // mostly not the owner
				}
				for i := range 12 { // one after the other is replaced
					time.Sleep(interval + time.Duration(i)*7*time.Second)
					end(workers[i%3])
					if i%2 == 0 {
						time.Sleep(time.Duration(i) * 3 * time.Second)
					}
					workers[i%3] = w.startWorker(fmt.Sprintf("w%d", i))
				}
				time.Sleep(2 * interval)
				require.Empty(t, w.lost())
				require.Less(t, w.longestPause(), 2*interval-30*time.Second)
				total := 0
				for _, k := range workers {
					total += k.kept()
				}
				require.Equal(t, 300, total, "each has one owner again")
				w.stopAll()
			})
		})
	}
}

// All workers end at once, and one starts again.
func TestHeartbeatsAfterTheEndOfAllWorkers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newSharedWorld(t)
		a, b := w.startWorker("a"), w.startWorker("b")
		for i, id := range orderIDs(200) {
			[]*worker{a, b}[i%2].request(id)
		}
		time.Sleep(3 * interval)
		a.kill()
		b.kill()
		c := w.startWorker("c")
		time.Sleep(4 * interval)
		require.Empty(t, w.lost())
		require.Equal(t, 200, c.kept())
		w.stopAll()
	})
}

// While the workers cannot learn of each other, each goes on with the heartbeats that it has.
func TestHeartbeatsWhileTheOthersAreUnknown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newSharedWorld(t)
		a, b := w.startWorker("a"), w.startWorker("b")
		for i, id := range orderIDs(200) {
			[]*worker{a, b}[i%2].request(id)
		}
		time.Sleep(settle)
		w.register.setFails(errors.New("unavailable"))
		time.Sleep(3 * interval)
		w.register.setFails(nil)
		time.Sleep(3 * interval)
		require.Empty(t, w.lost())
		require.LessOrEqual(t, w.longestPause(), interval)
		require.Equal(t, 200, a.kept()+b.kept())
		w.stopAll()
	})
}

// A worker that is stopped for a while, as a virtual machine is, counts as dead meanwhile. When it goes on, the others know
// the same workers as before: what it has stored between must not be given up.
func TestAWorkerThatComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newSharedWorld(t)
		a, b := w.startWorker("a"), w.startWorker("b")
		time.Sleep(settle)
		for round := range 8 {
			w.register.hide("b", true) // b writes, and a does not see it
			time.Sleep(time.Duration(15+round*5) * time.Second)
			for i := range 25 {
				a.request(fmt.Sprintf("a-%d-%d", round, i))
				b.request(fmt.Sprintf("b-%d-%d", round, i))
				time.Sleep(time.Second)
			}
			w.register.hide("b", false)
			for i := range 25 {
				a.request(fmt.Sprintf("c-%d-%d", round, i))
				b.request(fmt.Sprintf("d-%d-%d", round, i))
				time.Sleep(time.Second)
			}
		}
		time.Sleep(4 * interval)
		require.Empty(t, w.lost())
		require.LessOrEqual(t, w.longestPause(), interval)
		require.InDelta(t, 800, a.kept()+b.kept(), 10, "what was stored during the last read has two keepers")
		w.stopAll()
	})
}

// Heartbeats of a short interval stay in the record, where any worker finds them at once.
func TestShortIntervalsStayInTheRecord(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newSharedWorld(t)
		a := w.startWorker("a")
		require.False(t, a.schedule.Keeps(time.Minute))
		require.True(t, a.schedule.Keeps(interval))
		w.interval = time.Minute
		a.request("o-1")
		o, err := w.store.Get(t.Context(), "o-1")
		require.NoError(t, err)
		require.Empty(t, o.KeptHeartbeats())
		require.Equal(t, o.Approvals[0].RequestedAt.Add(time.Minute), o.NextDue())
		require.Equal(t, approval.Pending, o.Approvals[0].Status)
		w.stopAll()
	})
}
