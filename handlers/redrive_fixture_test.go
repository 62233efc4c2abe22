package handlers_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/store"
)

// List implements handlers.Lister.
func (h *house) List(ctx context.Context, q store.Query) ([]*approval.Order, string, error) {
	return h.store.List(ctx, q)
}

// fakeDeadLetters is a store.DeadLetters.
type fakeDeadLetters struct {
	letters   []store.DeadLetter
	put       []store.DeadLetter
	taken     []string
	readError error // some dead letters cannot be read
	failure   error
}

func (d *fakeDeadLetters) ListDeadLetters(_ context.Context, _ string, limit int) ([]store.DeadLetter, error) {
	return d.letters[:min(limit, len(d.letters))], d.readError
}

func (d *fakeDeadLetters) PutDeadLetter(_ context.Context, l store.DeadLetter) (string, error) {
	d.put = append(d.put, l)
	return "1", d.failure
}

func (d *fakeDeadLetters) DeleteDeadLetter(_ context.Context, id string) error {
	d.taken = append(d.taken, id)
	return d.failure
}

// fakeQueue is a handlers.DeadLetterQueue.
type fakeQueue struct {
	counts  counts
	guarded int
	failure error

	limit, redriveLimit int
	code                approval.ReasonCode
	moved               bool
}

func (p *fakeQueue) Count(context.Context, int) (store.RedriveGroups, error) {
	return groupsOf(p.counts), p.failure
}

func (p *fakeQueue) Move(
	_ context.Context, limit, redriveLimit int, code approval.ReasonCode,
) (moved, guarded int, err error) {
	p.moved = true
	p.limit = limit
	p.redriveLimit = redriveLimit
	p.code = code
	n := 0
	for c, count := range p.counts {
		if code == "" || c == code {
			n += count
		}
	}
	return min(n, limit), p.guarded, p.failure
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
