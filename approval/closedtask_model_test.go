package approval

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// timedTask is a task with the time limits of its state. Nobody but us answers it.
type timedTask struct {
	expires   time.Time
	lifetime  time.Duration // without a heartbeat
	heartbeat time.Time
	answered  bool
	ended     bool
}

// call carries a call out at a time, and reports whether the task was open.
func (k *timedTask) call(kind ActionKind, now time.Time) bool {
	k.ended = k.ended || !now.Before(k.expires) || !now.Before(k.heartbeat.Add(k.lifetime))
	if k.ended || k.answered {
		return false
	}
	k.heartbeat = now
	k.answered = kind == ActionCallback
	return true
}

// timedModel runs an approval against a timedTask, with a network that fails in every way and workers that pause, refuse calls and
// are killed.
type timedModel struct {
	order   *Order
	task    *timedTask
	now     time.Duration
	running []timedCall
	decided time.Duration
	workers []map[string]time.Time // the heartbeats that each worker knows to be taken, by approval
	// The network is down in this time: no call arrives.
	downFrom, downUntil time.Duration
}

// timedCall is a call whose result is known at a time.
type timedCall struct {
	worker int
	action Action
	result Result
	ends   time.Duration
}

// callLimit is the longest time that a call takes.
const callLimit = 10 * time.Second

// env returns the environment of a transition that a worker runs.
func (m *timedModel) env(worker int) Environment {
	env := envAt(m.now)
	env.HeartbeatTaken = func(approvalID string) time.Time { return m.workers[worker][approvalID] }
	return env
}

// anyWorker draws the worker that does the next thing.
func (m *timedModel) anyWorker(t *rapid.T) int {
	return rapid.IntRange(0, len(m.workers)-1).Draw(t, "worker")
}

// kill ends a worker and starts another in its place: nobody gets to know the results of its calls.
func (m *timedModel) kill(worker int) {
	m.running = slices.DeleteFunc(m.running, func(c timedCall) bool { return c.worker == worker })
	m.workers[worker] = map[string]time.Time{}
}

func (m *timedModel) run(t *rapid.T, worker int, actions []Action) {
	for _, action := range actions {
		if action.Kind != ActionCallback && action.Kind != ActionHeartbeat {
			continue
		}
		c := timedCall{worker: worker, action: action, result: notApplied, ends: m.now}
		faults := []string{"refused connection", "request lost", "held back"}
		if action.Kind == ActionHeartbeat {
			faults = append(faults, "killed", "killed")
		}
		if m.now < m.downFrom || m.now >= m.downUntil {
			faults = append(faults, "", "", "", "", "", "", "reply lost")
		}
		fault := rapid.SampledFrom(faults).Draw(t, "fault")
		if fault == "killed" {
			m.kill(worker)
			return
		}
		if fault == "held back" {
			c.result = notMade
		}
		if fault == "reply lost" || fault == "request lost" {
			c.result = lost
			c.ends += time.Duration(rapid.IntRange(0, int(callLimit/time.Second)).Draw(t, "seconds")) * time.Second
		}
		if fault == "" || fault == "reply lost" {
			wasOpen := m.task.call(action.Kind, at(m.now))
			if fault == "" {
				c.result = map[bool]Result{true: ok, false: closed}[wasOpen]
			}
		}
		m.running = append(m.running, c)
	}
}

// endCalls records the results that are known by now, in the order in which they became known.
func (m *timedModel) endCalls(t *rapid.T) {
	slices.SortStableFunc(m.running, func(a, b timedCall) int { return int(a.ends - b.ends) })
	for len(m.running) > 0 && m.running[0].ends <= m.now {
		c := m.running[0]
		m.running = m.running[1:]
		m.order = reload(t, m.order)
		if c.action.Kind == ActionHeartbeat {
			before := marshalOrder(t, m.order)
			if c.result == ok {
				m.workers[c.worker][c.action.ApprovalID] = m.order.Approvals[0].HeartbeatStarted(c.action)
			}
			unchanged := m.order.HeartbeatChangesNothing(c.action, c.result)
			m.run(t, c.worker, m.order.RecordHeartbeatResult(c.action, c.result, m.env(c.worker)))
			require.False(t, unchanged && before != marshalOrder(t, m.order), "the change would not be stored")
			continue
		}
		m.run(t, c.worker, m.order.RecordCallbackResult(c.action, c.result, m.env(c.worker)))
	}
}

// reload returns the order as a store would return it.
func reload(t *rapid.T, o *Order) *Order { return storeAndLoad(t, o) }

// drawTimedModel draws an approval and its task. The task outlives the interval of heartbeats by more than a call and the
// start of the next heartbeat take, as the documentation asks for.
func drawTimedModel(t *rapid.T) *timedModel {
	interval := time.Duration(rapid.IntRange(5, 60).Draw(t, "interval")) * time.Second
	lifetime := interval + callLimit + 4*time.Second + time.Duration(rapid.IntRange(0, 120).Draw(t, "reserve"))*time.Second
	expires := time.Duration(rapid.IntRange(60, 900).Draw(t, "expires")) * time.Second
	r := newRequest("t1", func(r *Request) {
		r.AttemptStartedAt = at(0)
		r.HeartbeatInterval = interval
		r.TaskExpires = at(expires)
		r.Deadline = at(expires - 20*time.Second)
		if rapid.Bool().Draw(t, "the lifetime is configured") {
			r.HeartbeatTimeout = lifetime
		}
	})
	m := &timedModel{
		order: &Order{ID: "o-1"},
		task:  &timedTask{expires: at(expires), lifetime: lifetime, heartbeat: at(0)},
	}
	m.decided = time.Duration(rapid.IntRange(0, 600).Draw(t, "decided")) * time.Second
	m.downFrom = time.Duration(rapid.IntRange(0, 300).Draw(t, "down from")) * time.Second
	if rapid.Bool().Draw(t, "the answer is late") {
		m.downFrom = m.decided - time.Duration(rapid.IntRange(0, 10).Draw(t, "before the decision"))*time.Second
	}
	m.downUntil = m.downFrom + time.Duration(rapid.IntRange(0, 200).Draw(t, "down for"))*time.Second
	m.now = time.Duration(rapid.IntRange(0, 20).Draw(t, "arrives")) * time.Second
	for range rapid.IntRange(1, 3).Draw(t, "workers") {
		m.workers = append(m.workers, map[string]time.Time{})
	}
	_, actions, err := m.order.AddRequest(r, m.env(0))
	require.NoError(t, err)
	m.run(t, 0, actions)
	return m
}

// TestPresumedAnswersWereApplied holds that an answer is never taken for delivered while the task can have ended by its
// own time limits. Nobody else ends the task, so the record must be right.
func TestPresumedAnswersWereApplied(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := drawTimedModel(t)
		for range 400 {
			pause := rapid.SampledFrom([]int{1, 1, 1, 1, 1, 2, 5, 30, 200}).Draw(t, "pause")
			m.now += time.Duration(pause) * time.Second
			m.endCalls(t)
			worker := m.anyWorker(t)
			if a := m.order.Approvals[0]; a.Status == Pending && m.now >= m.decided {
				_, actions, err := m.order.Decide(approveDecision("d"), testRetention, m.env(worker))
				require.NoError(t, err)
				m.run(t, worker, actions)
			}
			m.order = reload(t, m.order)
			m.run(t, worker, m.order.Advance(m.env(worker)))
			if len(m.order.Approvals) == 0 {
				break
			}
			switch c := m.order.Approvals[0].Callback; c.State {
			case CallbackDelivered, CallbackPresumed:
				require.True(t, m.task.answered, "%s, and the task ended by itself", c.State)
				return
			case CallbackTooLate:
				require.False(t, m.task.answered, "the task has our answer")
				return
			case CallbackUnknown, CallbackExhausted:
				return
			}
		}
	})
}
