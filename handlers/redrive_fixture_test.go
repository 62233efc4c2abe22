package handlers_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/store"
)

// List implements handlers.Lister.
func (h *house) List(ctx context.Context, q store.OrderQuery) ([]*approval.Order, string, error) {
	return h.store.List(ctx, q)
}

// fakeDeadLetters is a store.DeadLetters.
type fakeDeadLetters struct {
	mu         sync.Mutex
	letters    []store.DeadLetter // by ID
	marked     []store.DeadLetter
	taken      []string
	lists      int
	bodies     int              // in memory now
	mostBodies int              // in memory at the same time
	unreadable map[string]error // by ID
	failure    error
}

func (d *fakeDeadLetters) ListDeadLetters(_ context.Context, after string, limit int) (out []store.DeadLetter, _ error) {
	d.lists++
	for _, l := range d.letters {
		if l.ID > after && len(out) < limit && !slices.Contains(d.taken, l.ID) {
			l.Body, l.Metadata = nil, nil
			out = append(out, l)
		}
	}
	return out, nil
}

func (d *fakeDeadLetters) GetDeadLetter(_ context.Context, id string) (store.DeadLetter, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.IndexFunc(d.letters, func(l store.DeadLetter) bool { return l.ID == id })
	if i < 0 || slices.Contains(d.taken, id) {
		return store.DeadLetter{}, approval.ErrNotFound
	}
	d.bodies++
	d.mostBodies = max(d.mostBodies, d.bodies)
	return d.letters[i], d.unreadable[id]
}

func (d *fakeDeadLetters) PutDeadLetter(context.Context, store.DeadLetter) (string, error) {
	panic("a redrive puts none")
}

func (d *fakeDeadLetters) MarkDeadLetter(_ context.Context, l store.DeadLetter) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bodies--
	d.marked = append(d.marked, l)
	return d.failure
}

func (d *fakeDeadLetters) DeleteDeadLetter(_ context.Context, id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bodies--
	d.taken = append(d.taken, id)
	slices.Sort(d.taken) // they are taken concurrently
	return d.failure
}

// fakeQueue is a handlers.DeadLetterQueue.
type fakeQueue struct {
	counts  counts
	guarded int
	failure error
	step    int // messages that one call looks at; 0 means all

	asked store.QueueRedrive // by the last Move
	moved bool
}

// Count implements handlers.DeadLetterQueue.
func (p *fakeQueue) Count(_ context.Context, r store.QueueRedrive) (store.QueueReport, error) {
	report := store.QueueReport{Found: groupsOf(p.counts)}
	for code := range p.counts {
		if !r.Selects(code) {
			report.Found = groupsOf(counts{r.ReasonCode: p.counts[r.ReasonCode]})
		}
	}
	if p.step > 0 {
		report.HasMore, report.NotLookedAt = true, 77
	}
	return report, p.failure
}

// Look implements handlers.DeadLetterQueue. A message has the ID "code/number".
func (p *fakeQueue) Look(_ context.Context, r store.QueueLook) (out []store.QueuedLetter, hasMore bool, err error) {
	for _, code := range slices.Sorted(maps.Keys(p.counts)) {
		for i := range p.counts[code] {
			l := store.QueuedLetter{ID: fmt.Sprintf("%s/%d", code, i), ReasonCode: code}
			if r.WithBodies {
				l.Body = []byte("body")
			}
			if r.ReasonCode == "" || r.ReasonCode == code {
				out = append(out, l)
			}
		}
	}
	return out[:min(len(out), r.Max)], len(out) > r.Max, p.failure
}

// Dismiss implements handlers.DeadLetterQueue.
func (p *fakeQueue) Dismiss(_ context.Context, d store.Dismissal) (ids []string, hasMore bool, err error) {
	for code, count := range p.counts {
		for i := range count {
			id := fmt.Sprintf("%s/%d", code, i)
			if code == d.ReasonCode || slices.Contains(d.MessageIDs, id) {
				ids = append(ids, id)
				p.counts[code]--
			}
		}
	}
	return ids, false, p.failure
}

// Move implements handlers.DeadLetterQueue. It takes the messages that it moves out of the counts.
func (p *fakeQueue) Move(_ context.Context, r store.QueueRedrive) (store.QueueReport, error) {
	p.moved = true
	p.asked = r
	report := store.QueueReport{Guarded: p.guarded}
	most := r.Max
	if p.step > 0 {
		most = min(most, p.step)
	}
	left := 0
	for code, n := range p.counts {
		if !r.Selects(code) {
			continue
		}
		n = min(n, most-report.Requeued)
		report.Requeued += n
		report.Found.Add(code, n, "")
		p.counts[code] -= n
		left += p.counts[code]
	}
	report.HasMore = left > 0
	return report, p.failure
}

// CountAll implements handlers.DeadLetterQueue.
func (p *fakeQueue) CountAll(context.Context) (queue string, messages int, err error) {
	return "dlq", groupsOf(p.counts).Total(), p.failure
}

// counts counts by reason code.
type counts map[approval.ReasonCode]int

// groupsOf returns groups with these counts, and the code in words as their example.
func groupsOf(in counts) (groups store.RedriveGroups) {
	for code, count := range in {
		groups.Add(code, count, "failed: "+string(code))
	}
	return groups
}

// withoutExamples removes the examples from a report.
func withoutExamples(r store.RedriveReport) store.RedriveReport {
	r.Found = groupsOf(countsOf(r))
	return r
}

func countsOf(r store.RedriveReport) counts {
	out := counts{}
	for _, group := range r.Found {
		out[group.ReasonCode] = group.Count
	}
	return out
}

// storeExhausted stores orders with a callback that is exhausted for this reason, and was redriven so often before. The
// texts of their errors differ. Their tasks end two hours after they began.
func (h *house) storeExhausted(t *testing.T, n int, code approval.ReasonCode, redrives int) {
	t.Helper()
	for i := range n {
		id := fmt.Sprintf("%s-%d-%d", code, redrives, i)
		result := approval.Result{
			Kind:       approval.ResultRefused,
			Reason:     "SendTaskSuccess for order " + id + " failed, request " + fmt.Sprint(h.updates),
			ReasonCode: code,
		}
		requests := h.requests(func(w *handlers.Workflow) { w.TaskTimeout = 2 * time.Hour })
		require.NoError(t, requests.Handle(msg(t, fmt.Sprintf(`{"orderId":%q,"taskToken":%q}`, id, token+id))))
		decision := msg(t, fmt.Sprintf(`{"orderId":%q,"decision":"approve"}`, id))
		require.NoError(t, h.decisions(approval.ViaAPI).Handle(decision))
		for r := 0; ; r++ {
			act := h.take(approval.ActionCallback)[0]
			record := func(o *approval.Order, env approval.Environment) ([]approval.Action, error) {
				return o.RecordCallbackResult(act, result, env), nil
			}
			require.NoError(t, h.Run(t.Context(), id, record))
			if r == redrives {
				break
			}
			redrive := func(o *approval.Order, env approval.Environment) ([]approval.Action, error) {
				began, actions := o.RedriveCallback(act.ApprovalID, approval.OperatorActor("ops", ""), 0, env)
				require.True(t, began)
				return actions, nil
			}
			require.NoError(t, h.Run(t.Context(), id, redrive))
		}
	}
	h.take("")
}

func (h *house) newRedriver(d *fakeDeadLetters, queues map[string]handlers.DeadLetterQueue) *handlers.Redriver {
	return &handlers.Redriver{
		Transitions: h.Transitions,
		Orders:      h,
		DeadLetters: d,
		Queues:      queues,
		Handlers:    map[string]message.NoPublishHandlerFunc{"requests": h.requests().Handle},
	}
}
