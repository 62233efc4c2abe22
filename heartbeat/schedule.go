// Package heartbeat keeps the heartbeats of pending approvals in memory, so that the store is written only after a
// heartbeat that failed. The record of an approval tells only that a process keeps its heartbeats. A process that
// starts reads them from the pending orders, and workers that share a store divide them among each other, see Heart.
package heartbeat

import (
	"container/heap"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// Schedule has the heartbeats that this process keeps, by the time at which they are due. An entry takes about 200 bytes:
// the token is read from the record when the heartbeat is sent. It is safe for concurrent use.
type Schedule struct {
	// minInterval is the shortest interval of heartbeats that are kept in memory. It is 0 for a store that a single
	// worker uses.
	minInterval time.Duration
	began       time.Time // due times count from it, so that a correction of the clock does not move them

	mu      sync.Mutex
	lanes   map[string]*lane // by target
	added   []*lane          // the lanes that wait for their goroutine
	grown   chan struct{}    // has a value if added has lanes
	entries map[key]*entry
	view    uint32 // the number of the present view of the workers, see Heart
}

// NewSchedule returns an empty schedule. It keeps heartbeats with this interval or a longer one.
func NewSchedule(minInterval time.Duration) *Schedule {
	return &Schedule{
		minInterval: minInterval,
		began:       time.Now(),
		lanes:       map[string]*lane{},
		grown:       make(chan struct{}, 1),
		entries:     map[key]*entry{},
	}
}

// key is the ID of an approval in 16 bytes.
type key [16]byte

func keyOf(approvalID string) (k key) {
	if n, err := hex.Decode(k[:], []byte(approvalID[:min(len(approvalID), 2*len(k))])); err == nil && n == len(k) &&
		len(approvalID) == 2*len(k) {
		return k
	}
	sum := sha256.Sum256([]byte(approvalID)) // not an ID of ours
	return key(sum[:len(k)])
}

// entry is an approval whose heartbeats are kept.
type entry struct {
	key      key
	orderID  string
	lane     *lane
	due      time.Duration // since the beginning of the schedule
	sent     time.Duration // when it was last taken to be sent, since the beginning of the schedule
	interval time.Duration
	taken    int64 // when the latest heartbeat was started that the target has taken; Unix nanoseconds, 0 if unknown
	index    int32 // in the lane; -1 while the heartbeat is being sent
	view     uint32
	// bunched is set while the entry may be due at the same time as many others: after a start and after a failure. Its
	// next pause is then drawn from a wider range.
	bunched bool
}

// lane has the heartbeats to a target, the earliest first. A target that hangs delays only its own.
type lane struct {
	target string
	queue  []*entry
	woken  chan struct{} // has a value if the earliest entry has changed
}

func (l *lane) Len() int           { return len(l.queue) }
func (l *lane) Less(i, j int) bool { return l.queue[i].due < l.queue[j].due }
func (l *lane) Swap(i, j int) {
	l.queue[i], l.queue[j] = l.queue[j], l.queue[i]
	l.queue[i].index, l.queue[j].index = int32(i), int32(j) // memory bounds them
}

// Push implements heap.Interface.
func (l *lane) Push(x any) {
	e := x.(*entry)               //nolint:forcetypeassert // only this file pushes
	e.index = int32(len(l.queue)) // memory bounds it
	l.queue = append(l.queue, e)
}

// Pop implements heap.Interface.
func (l *lane) Pop() any {
	last := len(l.queue) - 1
	e := l.queue[last]
	l.queue[last] = nil
	l.queue = l.queue[:last]
	e.index = -1
	return e
}

// wake puts a value into an empty channel.
func wake(signal chan struct{}) {
	select {
	case signal <- struct{}{}:
	default:
	}
}

// Keeps reports whether this process keeps heartbeats of this interval in memory.
func (s *Schedule) Keeps(interval time.Duration) bool { return interval >= s.minInterval }

// Apply obeys the changes of a transition that was stored, or may have been. An approval that was not stored is forgotten
// when its heartbeat is due.
func (s *Schedule) Apply(orderID string, changes []approval.HeartbeatChange, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range changes {
		if c.Heartbeat == nil {
			s.remove(keyOf(c.ApprovalID))
			continue
		}
		h := *c.Heartbeat
		wait := min(max(0, h.FirstDue.Sub(now)), h.Interval)
		s.add(orderID, h, wait-time.Duration(rand.Float64()*float64(wait/4)), false) //nolint:gosec // it spreads load
	}
}

// startSpread is the part of the interval for the heartbeats that a process takes over, at its start or from
// another worker: they are spread over it. The time of the latest heartbeat is unknown, so the part cannot be long.
const startSpread = 4

// takeOver adds the heartbeats of an order that are new to this process. The heartbeats that it keeps stay as they are.
func (s *Schedule) takeOver(orderID string, kept []approval.KeptHeartbeat, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range kept {
		if s.entries[keyOf(h.ApprovalID)] != nil {
			continue
		}
		wait := h.FirstDue.Sub(now) // it is the first
		if wait <= 0 {
			wait = time.Duration(rand.Float64() * float64(h.Interval/startSpread)) //nolint:gosec // it spreads load
		}
		s.add(orderID, h, min(wait, h.Interval), true)
	}
}

// add adds an approval, or replaces it. The entry copies what it needs of a record.
func (s *Schedule) add(orderID string, h approval.KeptHeartbeat, wait time.Duration, bunched bool) {
	k := keyOf(h.ApprovalID)
	s.remove(k)
	e := &entry{
		key:      k,
		orderID:  strings.Clone(orderID),
		lane:     s.laneOf(h.Target),
		due:      time.Since(s.began) + wait,
		interval: h.Interval,
		view:     s.view,
		bunched:  bunched,
	}
	s.entries[k] = e
	s.push(e)
}

func (s *Schedule) push(e *entry) {
	heap.Push(e.lane, e)
	if e.index == 0 {
		wake(e.lane.woken)
	}
}

func (s *Schedule) laneOf(target string) *lane {
	if l := s.lanes[target]; l != nil {
		return l
	}
	l := &lane{target: strings.Clone(target), woken: make(chan struct{}, 1)}
	s.lanes[l.target] = l
	s.added = append(s.added, l)
	wake(s.grown)
	return l
}

// takeAdded returns the lanes that were added since the last call.
func (s *Schedule) takeAdded() []*lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	added := s.added
	s.added = nil
	return added
}

func (s *Schedule) remove(k key) {
	e := s.entries[k]
	if e == nil {
		return
	}
	delete(s.entries, k)
	if e.index >= 0 {
		heap.Remove(e.lane, int(e.index))
	}
}

// together is the time within which heartbeats are sent together, some of them so much too early. To wake the threads of
// the process for each heartbeat would cost as much CPU time as to send it.
const together = 10 * time.Millisecond

// takeDue takes the earliest heartbeats of a lane that are due soon, or returns the time until the first is due.
func (s *Schedule) takeDue(l *lane, limit int) (entries []*entry, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Since(s.began)
	for len(l.queue) > 0 && len(entries) < limit {
		if wait = l.queue[0].due - now; wait > together {
			return entries, wait
		}
		e := heap.Pop(l).(*entry) //nolint:forcetypeassert // a lane has entries only
		e.sent = now
		entries = append(entries, e)
	}
	return entries, time.Hour
}

// ended schedules the next heartbeat of an entry that was taken, unless the entry was removed meanwhile. After a heartbeat
// that went well the pause counts from its start, as the workflow may have taken it then: a target that answers late does
// not stretch the interval. One that takes as long as the interval still gets a rest.
func (s *Schedule) ended(e *entry, r Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entries[e.key] != e {
		return
	}
	if r.IsLast {
		delete(s.entries, e.key)
		return
	}
	now := time.Since(s.began)
	if pause := r.RetryAfter; pause > 0 {
		e.bunched = e.bunched || r.HasFailed
		e.due = now + min(pause, max(e.interval, time.Second))
	} else {
		e.due = max(e.sent+e.drawPause(), now+e.interval/16)
	}
	s.push(e)
}

// drawPause returns the pause after a heartbeat that went well.
func (e *entry) drawPause() time.Duration {
	if e.bunched {
		e.bunched = false
		return e.interval - time.Duration(rand.Float64()*float64(e.interval)*3/4) //nolint:gosec // it spreads load
	}
	return approval.HeartbeatPause(e.interval, rand.Float64()) //nolint:gosec // it spreads load
}

// Taken returns when the latest heartbeat of an approval was started that its target is known to have taken, or the zero
// time.
func (s *Schedule) Taken(approvalID string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[keyOf(approvalID)]; e != nil && e.taken != 0 {
		return time.Unix(0, e.taken).UTC()
	}
	return time.Time{}
}

// Take remembers when the heartbeat of an approval was started that its target has taken. It reports whether the
// heartbeats of the approval are kept here.
func (s *Schedule) Take(approvalID string, started time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[keyOf(approvalID)]
	if e != nil {
		e.taken = max(e.taken, started.UnixNano())
	}
	return e != nil
}

// Stats returns the number of approvals whose heartbeats are kept, and for how long the earliest has been due.
func (s *Schedule) Stats() (kept int, late time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lanes {
		if len(l.queue) > 0 {
			late = max(late, time.Since(s.began)-l.queue[0].due)
		}
	}
	return len(s.entries), late
}

// nextView begins a view of the workers. Heartbeats that are added from now on belong to it.
func (s *Schedule) nextView() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.view++
}

// giveUp removes the heartbeats from before the present view that another worker owns. It holds the lock for a few
// thousand at a time.
func (s *Schedule) giveUp(owns func(orderID string) bool) {
	for _, e := range s.fromBefore() {
		if !owns(e.orderID) {
			s.mu.Lock()
			if s.entries[e.key] == e {
				s.remove(e.key)
			}
			s.mu.Unlock()
		}
	}
}

// fromBefore returns the entries from before the present view.
func (s *Schedule) fromBefore() []*entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	var before []*entry
	for _, e := range s.entries {
		if e.view != s.view {
			before = append(before, e)
		}
	}
	return before
}
