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

// timedModel runs an approval against a timedTask, with a network that fails in every way and a process that pauses.
type timedModel struct {
	order   *Order
	task    *timedTask
	now     time.Duration
	running []timedCall
	// The network is down in this time: no call arrives.
	downFrom, downUntil time.Duration
}

// timedCall is a call whose result is known at a time.
type timedCall struct {
	action Action
	result Result
	ends   time.Duration
}

// callLimit is the longest time that a call takes.
const callLimit = 10 * time.Second

func (m *timedModel) run(t *rapid.T, actions []Action) {
	for _, action := range actions {
		if action.Kind != ActionCallback && action.Kind != ActionHeartbeat {
			continue
		}
		c := timedCall{action: action, result: notApplied, ends: m.now}
		faults := []string{"refused connection", "request lost"}
		if m.now < m.downFrom || m.now >= m.downUntil {
			faults = append(faults, "", "", "", "reply lost")
		}
		fault := rapid.SampledFrom(faults).Draw(t, "fault")
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
			unchanged := m.order.HeartbeatChangesNothing(c.action, c.result)
			m.run(t, m.order.RecordHeartbeatResult(c.action, c.result, envAt(m.now)))
			require.False(t, unchanged && before != marshalOrder(t, m.order), "the change would not be stored")
			continue
		}
		m.run(t, m.order.RecordCallbackResult(c.action, c.result, envAt(m.now)))
	}
}

// reload returns the order as a store would return it.
func reload(t *rapid.T, o *Order) *Order { return storeAndLoad(t, o) }

// drawTimedModel draws an approval and its task. The task outlives the interval of heartbeats by more than a call and the
// start of the next heartbeat take, as the documentation asks for.
func drawTimedModel(t *rapid.T) *timedModel {
	interval := time.Duration(rapid.IntRange(5, 60).Draw(t, "interval")) * time.Second
	lifetime := interval + callLimit + 2*heartbeatSlack + time.Duration(rapid.IntRange(0, 120).Draw(t, "reserve"))*time.Second
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
	m.downFrom = time.Duration(rapid.IntRange(0, 300).Draw(t, "down from")) * time.Second
	m.downUntil = m.downFrom + time.Duration(rapid.IntRange(0, 200).Draw(t, "down for"))*time.Second
	m.now = time.Duration(rapid.IntRange(0, 20).Draw(t, "arrives")) * time.Second
	_, actions, err := m.order.AddRequest(r, envAt(m.now))
	require.NoError(t, err)
	m.run(t, actions)
	return m
}

// TestPresumedAnswersWereApplied holds that an answer is never taken for delivered while the task can have ended by its
// own time limits. Nobody else ends the task, so the record must be right.
func TestPresumedAnswersWereApplied(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := drawTimedModel(t)
		decided := time.Duration(rapid.IntRange(0, 600).Draw(t, "decided")) * time.Second
		for range 400 {
			pause := rapid.SampledFrom([]int{1, 1, 1, 1, 1, 2, 5, 30, 200}).Draw(t, "pause")
			m.now += time.Duration(pause) * time.Second
			m.endCalls(t)
			if a := m.order.Approvals[0]; a.Status == Pending && m.now >= decided {
				_, actions, err := m.order.Decide(approveDecision("d"), testRetention, envAt(m.now))
				require.NoError(t, err)
				m.run(t, actions)
			}
			m.order = reload(t, m.order)
			m.run(t, m.order.Advance(envAt(m.now)))
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
