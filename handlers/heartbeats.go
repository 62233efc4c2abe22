package handlers

import (
	"slices"
	"sync"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// maxTakenHeartbeats bounds the heartbeats of each of the two generations in takenHeartbeats.
const maxTakenHeartbeats = 32_768

// takenHeartbeats remembers the heartbeats that their targets have taken, by approval, so that not each of them needs a write
// to the store: the next heartbeat of the approval stores it. What is forgotten counts as not known: the answer of the
// approval can then end as unknown where it would have been presumed to be delivered. It keeps at most two generations; a
// new one begins when the present one is full. The zero value is ready to use, by many goroutines.
type takenHeartbeats struct {
	mu            sync.Mutex
	current, last map[string]time.Time
}

// add remembers when the heartbeat of an approval was started that its target has taken.
func (h *takenHeartbeats) add(approvalID string, started time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !started.After(h.find(approvalID)) { // the result of an earlier one was late
		return
	}
	if _, known := h.current[approvalID]; !known && len(h.current) >= maxTakenHeartbeats {
		h.last, h.current = h.current, nil
	}
	if h.current == nil {
		h.current = map[string]time.Time{}
	}
	h.current[approvalID] = started
}

// latest returns when the latest heartbeat of an approval was started that its target is known to have taken, or the zero
// time.
func (h *takenHeartbeats) latest(approvalID string) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.find(approvalID)
}

func (h *takenHeartbeats) find(approvalID string) time.Time {
	if started, known := h.current[approvalID]; known {
		return started
	}
	return h.last[approvalID]
}

// rememberHeartbeat remembers that the target has taken the heartbeat of an action, if it has.
func (t *Transitions) rememberHeartbeat(order *approval.Order, action approval.Action, r approval.Result) {
	if action.Kind != approval.ActionHeartbeat || action.Probe || r.Kind != approval.ResultOK {
		return
	}
	a := order.FindApproval(action.ApprovalID)
	if a == nil {
		return
	}
	started := a.HeartbeatStarted(action)
	if t.Heartbeats == nil || !t.Heartbeats.Take(a.ID, started) {
		t.heartbeats.add(a.ID, started)
	}
}

// lastHeartbeatTaken is approval.Environment.HeartbeatTaken.
func (t *Transitions) lastHeartbeatTaken(approvalID string) time.Time {
	taken := t.heartbeats.latest(approvalID)
	if t.Heartbeats == nil {
		return taken
	}
	if kept := t.Heartbeats.Taken(approvalID); kept.After(taken) {
		return kept
	}
	return taken
}

// keepsHeartbeats is approval.Environment.KeepsHeartbeats.
func (t *Transitions) keepsHeartbeats(interval time.Duration) bool {
	return t.Heartbeats != nil && t.Heartbeats.Keeps(interval)
}

// keepHeartbeats obeys the changes of a transition. After an error it is not known whether the transition was stored:
// then the heartbeats that it has handed over are kept, because other processes do not keep them, and the released
// heartbeats are kept until the record tells that they were released.
func (t *Transitions) keepHeartbeats(orderID string, changes []approval.HeartbeatChange, err error) {
	if t.Heartbeats == nil || len(changes) == 0 {
		return
	}
	if err != nil {
		changes = slices.DeleteFunc(changes, func(c approval.HeartbeatChange) bool { return c.Heartbeat == nil })
	}
	t.Heartbeats.Apply(orderID, changes, t.Now())
}
