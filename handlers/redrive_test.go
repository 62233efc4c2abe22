package handlers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
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

// drawer keeps dead letters.
type drawer struct {
	letters []store.DeadLetter
	put     []store.DeadLetter
	taken   []string
	unread  error // of those that cannot be read
	failing error
}

func (d *drawer) ListDeadLetters(_ context.Context, _ string, limit int) ([]store.DeadLetter, error) {
	return d.letters[:min(limit, len(d.letters))], d.unread
}

func (d *drawer) PutDeadLetter(_ context.Context, l store.DeadLetter) (string, error) {
	d.put = append(d.put, l)
	return "1", d.failing
}

func (d *drawer) TakeDeadLetter(_ context.Context, id string) error {
	d.taken = append(d.taken, id)
	return d.failing
}

// pile is a dead letter queue.
type pile struct {
	counts  counts
	guarded int
	failing error

	limit, redriveLimit int
	code                approval.ReasonCode
	moved               bool
}

func (p *pile) Count(context.Context, int) (store.RedriveGroups, error) {
	return found(p.counts), p.failing
}

func (p *pile) Move(_ context.Context, limit, redriveLimit int, code approval.ReasonCode) (moved, guarded int, err error) {
	p.moved, p.limit, p.redriveLimit, p.code = true, limit, redriveLimit, code
	n := 0
	for c, count := range p.counts {
		if code == "" || c == code {
			n += count
		}
	}
	return min(n, limit), p.guarded, p.failing
}

// counts is by reason code.
type counts map[approval.ReasonCode]int

// found returns groups with these counts, and the code in words as their example.
func found(in counts) (groups store.RedriveGroups) {
	for code, count := range in {
		groups.Add(code, count, "failed: "+string(code))
	}
	return groups
}

// counted removes the examples from a report.
func counted(r store.RedriveReport) store.RedriveReport {
	r.Found = found(countsOf(r))
	return r
}

func countsOf(r store.RedriveReport) counts {
	out := counts{}
	for _, group := range r.Found {
		out[group.ReasonCode] = group.Count
	}
	return out
}

// exhausted stores orders with a callback that is exhausted for this reason, and was
// redriven so often before. The texts of their errors differ. Their tasks end two
// hours after they began.
func (h *house) exhausted(t *testing.T, n int, code approval.ReasonCode, redrives int) {
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
		require.NoError(t, h.decisions(approval.ViaAPI).Handle(msg(t, fmt.Sprintf(`{"orderId":%q,"decision":"approve"}`, id))))
		for r := 0; ; r++ {
			act := h.take(approval.ActionCallback)[0]
			require.NoError(t, h.Run(t.Context(), id, func(o *approval.Order, turn approval.Environment) ([]approval.Action, error) {
				return o.RecordCallbackResult(act, result, turn), nil
			}))
			if r == redrives {
				break
			}
			require.NoError(t, h.Run(t.Context(), id, func(o *approval.Order, turn approval.Environment) ([]approval.Action, error) {
				began, actions := o.RedriveCallback(act.ApprovalID, "ops", 0, turn)
				require.True(t, began)
				return actions, nil
			}))
		}
	}
	h.take("")
}

func (h *house) redrive(d *drawer, queues map[string]handlers.DeadLetterQueue) *handlers.Redriver {
	return &handlers.Redriver{
		Transitions: h.Transitions,
		Orders:      h,
		DeadLetters: d,
		Queues:      queues,
		Handlers:    map[string]message.NoPublishHandlerFunc{"requests": h.requests().Handle},
	}
}

func TestRedriveOfCallbacks(t *testing.T) {
	t.Parallel()
	h := newHouse()
	h.exhausted(t, 3, "denied", 0)
	h.exhausted(t, 2, "denied", 2)
	h.exhausted(t, 2, "denied", 3)
	h.exhausted(t, 1, "not_configured", 0)
	r := h.redrive(&drawer{}, nil)

	updates := h.updates
	dry := r.Redrive(t.Context(), store.RedriveRequest{DryRun: true})
	require.Equal(t, store.RedriveReport{DryRun: true, Found: found(counts{"denied": 7, "not_configured": 1}), Guarded: 2}, counted(dry))
	require.Equal(t, updates, h.updates, "nothing was touched")

	h.now = began.Add(3 * time.Hour)
	late := r.Redrive(t.Context(), store.RedriveRequest{DryRun: true, ReasonCode: "not_configured"})
	require.Equal(t, 1, late.Expired)
	h.now = began

	few := r.Redrive(t.Context(), store.RedriveRequest{ReasonCode: "denied", Max: 2, By: "ann"})
	require.Equal(t, store.RedriveReport{Found: found(counts{"denied": 7}), Redriven: 2, Guarded: 2}, counted(few))
	require.Len(t, h.take(approval.ActionCallback), 2)
	o, err := h.Get(t.Context(), "denied-0-0")
	require.NoError(t, err)
	last := o.History[len(o.History)-1]
	require.Equal(t, approval.EventRedriven, last.Kind)
	require.Equal(t, "ann", last.By)

	rest := r.Redrive(t.Context(), store.RedriveRequest{Limit: -1})
	want := store.RedriveReport{Found: found(counts{"denied": 5, "not_configured": 1}), Redriven: 6}
	require.Equal(t, want, counted(rest), "without the guard")
}

// The callbacks of one order only; no other's, and no message.
func TestRedriveOfOneOrder(t *testing.T) {
	t.Parallel()
	h := newHouse()
	h.exhausted(t, 2, "denied", 0)
	d := &drawer{letters: []store.DeadLetter{{
		ID:         "1",
		Source:     "requests",
		ReasonCode: "denied",
		Body:       []byte(`{"orderId":"A-1","taskToken":"x"}`),
	}}}
	p := &pile{counts: counts{"denied": 1}}
	r := h.redrive(d, map[string]handlers.DeadLetterQueue{"p": p})
	want := store.RedriveReport{Found: found(counts{"denied": 1}), Redriven: 1}
	require.Equal(t, want, counted(r.Redrive(t.Context(), store.RedriveRequest{OrderID: "denied-0-1", By: "ann"})))
	require.Equal(t, approval.CallbackPending, h.approval(t, "denied-0-1").Callback.State)
	require.Equal(t, approval.CallbackExhausted, h.approval(t, "denied-0-0").Callback.State)
	require.Empty(t, d.taken)
	require.False(t, p.moved)
	require.Contains(t, r.Redrive(t.Context(), store.RedriveRequest{OrderID: "nobody"}).Errors[0], `read order "nobody"`)
}

// Who redrove what is logged, and what is in a message is not.
func TestRedriveIsLogged(t *testing.T) {
	t.Parallel()
	h := newHouse()
	var log bytes.Buffer
	h.Log = slog.New(slog.NewTextHandler(&log, nil))
	d := &drawer{letters: []store.DeadLetter{{
		ID:         "7",
		Source:     "requests",
		ReasonCode: "odd",
		Body:       []byte(`{"orderId":"A-1","taskToken":"x-secret"}`),
	}}}
	r := h.redrive(d, nil)
	r.Redrive(t.Context(), store.RedriveRequest{DryRun: true, By: "ann"})
	require.Empty(t, log.String())
	r.Redrive(t.Context(), store.RedriveRequest{By: "ann", ReasonCode: "odd"})
	require.Contains(t, log.String(), `msg="dead letter redriven" by=ann id=7 source=requests failed_again=false`)
	require.Contains(t, log.String(), `msg=redrive by=ann reason_code=odd order_id="" redriven=1 failed=0 guarded=0 errors=0`)
	require.NotContains(t, log.String(), "x-secret")
}

// One that was started by somebody else meanwhile is not started twice.
func TestRedriveOfWhatIsNoLongerExhausted(t *testing.T) {
	t.Parallel()
	h := newHouse()
	h.exhausted(t, 1, "denied", 0)
	stale, _, err := h.List(t.Context(), store.Query{Exhausted: true, Limit: 1})
	require.NoError(t, err)
	r := h.redrive(&drawer{}, nil)
	require.Equal(t, 1, r.Redrive(t.Context(), store.RedriveRequest{}).Redriven)
	r.Orders = listed(stale)
	want := store.RedriveReport{Found: found(counts{"denied": 1}), Failed: 1}
	require.Equal(t, want, counted(r.Redrive(t.Context(), store.RedriveRequest{})))
}

type listed []*approval.Order

func (l listed) List(context.Context, store.Query) ([]*approval.Order, string, error) {
	return l, "", nil
}

func TestRedriveOfLetters(t *testing.T) {
	t.Parallel()
	h := newHouse()
	mended := store.DeadLetter{
		ID:         "1",
		Source:     "requests",
		ReasonCode: "odd",
		Body:       []byte(`{"orderId":"A-1","taskToken":"x"}`),
	}
	d := &drawer{unread: errors.New("2 letters cannot be opened"), letters: []store.DeadLetter{
		mended,
		{
			ID:         "2",
			Source:     "requests",
			ReasonCode: "invalid_field:order",
			Body:       []byte(`{"taskToken":"x"}`),
			Redrives:   1,
		},
		{
			ID:         "3",
			Source:     "requests",
			ReasonCode: "invalid_field:order",
			Body:       []byte(`{}`),
			Redrives:   3,
		},
		{
			ID:         "4",
			Source:     "gone",
			ReasonCode: "invalid_field:order",
			Body:       []byte(`{}`),
		},
	}}
	r := h.redrive(d, nil)
	dry := r.Redrive(t.Context(), store.RedriveRequest{DryRun: true})
	require.Equal(t, counts{"odd": 1, "invalid_field:order": 2}, countsOf(dry))
	require.Equal(t, 1, dry.Guarded)
	require.Empty(t, d.taken)

	report := r.Redrive(t.Context(), store.RedriveRequest{})
	require.Equal(t, []int{1, 1, 1}, []int{report.Redriven, report.Failed, report.Guarded})
	require.Equal(t, []string{"list dead letters: 2 letters cannot be opened"}, report.Errors, "they hold up none of the others")
	require.Equal(t, []string{"1", "2"}, d.taken)
	require.Len(t, d.put, 1)
	require.Equal(t, 2, d.put[0].Redrives)
	require.Contains(t, d.put[0].Reason, "order: is missing")
	require.Equal(t, approval.Pending, h.approval(t, "A-1").Status)

	// What fails for now stays where it is.
	h.failing = errOdd
	d = &drawer{letters: []store.DeadLetter{mended}}
	report = h.redrive(d, nil).Redrive(t.Context(), store.RedriveRequest{})
	require.Len(t, report.Errors, 1)
	require.Contains(t, report.Errors[0], "redrive dead letter 1")
	require.Empty(t, d.taken)
	h.failing = nil

	d = &drawer{letters: []store.DeadLetter{mended}, failing: errOdd}
	require.Contains(t, h.redrive(d, nil).Redrive(t.Context(), store.RedriveRequest{}).Errors[0], "take dead letter: odd")
	d.letters[0].Body = []byte(`{}`)
	require.Contains(t, h.redrive(d, nil).Redrive(t.Context(), store.RedriveRequest{}).Errors[0], "put dead letter back: odd")
	require.Len(t, d.taken, 1, "what could not be put back was not taken again")
}

func TestRedriveOfQueues(t *testing.T) {
	t.Parallel()
	h := newHouse()
	h.exhausted(t, 1, "denied", 0)
	a := &pile{counts: counts{"denied": 4, "odd": 2}, guarded: 1}
	b := &pile{counts: counts{"odd": 3}, failing: errOdd}
	c := &pile{counts: counts{"odd": 500}}
	queues := map[string]handlers.DeadLetterQueue{"a": a, "b": b, "c": c}

	dry := h.redrive(&drawer{}, queues).Redrive(t.Context(), store.RedriveRequest{DryRun: true})
	require.Equal(t, counts{"denied": 5, "odd": 505}, countsOf(dry))
	require.Equal(t, []string{"dead letter queue of b: odd"}, dry.Errors)
	require.False(t, a.moved || b.moved || c.moved)
	report := h.redrive(&drawer{}, queues).Redrive(t.Context(), store.RedriveRequest{DryRun: true, ReasonCode: "denied"})
	require.Equal(t, counts{"denied": 5}, countsOf(report))

	report = h.redrive(&drawer{}, queues).Redrive(t.Context(), store.RedriveRequest{Max: 100})
	require.Equal(t, 100, report.Redriven, "the callback, 6 of a, 3 of b, and c as far as the limit goes")
	require.Equal(t, 1, report.Guarded)
	require.Equal(t, []int{99, 93, 90}, []int{a.limit, b.limit, c.limit})
	require.Equal(t, 3, a.redriveLimit)
	require.Len(t, report.Errors, 1)
}

func TestRedriveIsBounded(t *testing.T) {
	t.Parallel()
	p := &pile{counts: counts{"odd": 5000}}
	r := newHouse().redrive(&drawer{}, map[string]handlers.DeadLetterQueue{"p": p})
	for _, most := range []int{0, -5, 1001, 1 << 30} {
		require.Equal(t, 1000, r.Redrive(t.Context(), store.RedriveRequest{Max: most, Limit: -1, ReasonCode: "odd"}).Redriven)
		require.Equal(t, -1, p.redriveLimit)
		require.Equal(t, approval.ReasonCode("odd"), p.code)
	}
}
