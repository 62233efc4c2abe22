package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

func statsTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){
		"any life is counted right":       livesAreCounted,
		"updates at once are counted too": countedAtOnce,
	}
}

// requireCounted compares Stats with what the orders themselves say.
func requireCounted(t tb, s store.Store) {
	t.Helper()
	want := store.Stats{Workflows: map[string]store.WorkflowStats{}}
	var waiting []store.AgeCursor
	for _, o := range list(t, s, store.Query{}) {
		if o.HasExhaustedCallback() {
			want.Exhausted++
		}
		if o.IsRetrying() {
			want.Retrying++
		}
		if due := o.NextDue(); !due.IsZero() && (want.OldestDue.IsZero() || due.Before(want.OldestDue)) {
			want.OldestDue = due
		}
		if p := o.PendingApprovals(); len(p) > 0 {
			waiting = append(waiting, store.AgeCursor{Since: store.OldestPending(p), OrderID: o.ID})
		}
		for _, p := range o.PendingApprovals() {
			w := want.Workflows[p.Workflow]
			w.Pending++
			if w.Oldest.IsZero() || p.Since.Before(w.Oldest) {
				w.Oldest = p.Since
			}
			want.Workflows[p.Workflow] = w
		}
	}
	got, err := s.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, got)
	slices.SortFunc(waiting, func(a, b store.AgeCursor) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.OrderID, b.OrderID))
	})
	byAge := []string{}
	for _, w := range waiting {
		byAge = append(byAge, w.OrderID)
	}
	require.Equal(t, byAge, ids(list(t, s, store.Query{ByAge: true, Limit: 1})))
}

// livesAreCounted leads orders through lives of every kind: asked, decided, superseded, timed out, cancelled,
// delivered, given up, redriven, removed.
func livesAreCounted(t *testing.T, s store.Store) {
	rapid.Check(t, func(t *rapid.T) {
		removeAll(t, s)
		l := &lives{s: s}
		t.Repeat(map[string]func(*rapid.T){
			"count":       func(t *rapid.T) { requireCounted(t, s) },
			"time passes": func(t *rapid.T) { l.now += time.Duration(rapid.IntRange(1, 90).Draw(t, "minutes")) * time.Minute },
			"request":     l.request,
			"decide":      l.decide,
			"advance":     l.advance,
			"call back":   l.callBack,
			"cancel":      l.cancel,
			"redrive":     l.redrive,
		})
		requireCounted(t, s)
		removeAll(t, s)
		requireCounted(t, s)
	})
}

// lives runs the transitions of the domain on a few orders.
type lives struct {
	s     store.Store
	now   time.Duration
	tasks int // tokens given
	calls []approval.Action
}

func (l *lives) on(t *rapid.T, transition func(o *approval.Order) []approval.Action) {
	id := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "order")
	var actions []approval.Action
	update(t, l.s, id, func(o *approval.Order) error {
		actions = transition(o)
		return nil
	})
	for _, act := range actions {
		if act.Kind == approval.ActionCallback {
			l.calls = append(l.calls, act)
		}
	}
}

func (l *lives) request(t *rapid.T) {
	l.tasks++
	a := ask(fmt.Sprint("task ", l.tasks), l.now+2*time.Hour, workflow(rapid.SampledFrom([]string{"v", "w"}).Draw(t, "workflow")),
		step(rapid.SampledFrom([]string{"", "1"}).Draw(t, "step")))
	l.on(t, func(o *approval.Order) []approval.Action {
		_, actions, _ := o.AddRequest(a, turn(l.now))
		return actions
	})
}

func (l *lives) decide(t *rapid.T) {
	d := approval.Decision{
		ID:      rapid.StringMatching(`[a-z]{4}`).Draw(t, "decision"),
		Via:     approval.ViaAPI,
		Source:  "api",
		By:      "ann",
		Outcome: rapid.SampledFrom([]approval.Outcome{approval.Approve, approval.Reject}).Draw(t, "outcome"),
	}
	l.on(t, func(o *approval.Order) []approval.Action {
		_, actions, _ := o.Decide(d, approval.UnmatchedRetention{WaitFor: time.Hour, ShowExpiredFor: time.Hour}, turn(l.now))
		return actions
	})
}

func (l *lives) advance(t *rapid.T) {
	l.on(t, func(o *approval.Order) []approval.Action { return o.Advance(turn(l.now)) })
}

func (l *lives) callBack(t *rapid.T) {
	if len(l.calls) == 0 {
		t.Skip("nothing to call")
	}
	kind := rapid.SampledFrom([]approval.ResultKind{approval.ResultOK, approval.ResultRefused, approval.ResultFailed, approval.ResultClosed})
	act, result := rapid.SampledFrom(l.calls).Draw(t, "call"), approval.Result{Kind: kind.Draw(t, "result")}
	update(t, l.s, act.OrderID, func(o *approval.Order) error {
		o.RecordCallbackResult(act, result, turn(l.now))
		return nil
	})
}

func (l *lives) cancel(t *rapid.T) {
	l.on(t, func(o *approval.Order) []approval.Action {
		_, actions := o.Cancel("", "operator", "not needed", turn(l.now))
		return actions
	})
}

func (l *lives) redrive(t *rapid.T) {
	l.on(t, func(o *approval.Order) (actions []approval.Action) {
		for _, a := range o.Approvals {
			_, more := o.RedriveCallback(a.ID, "operator", 0, turn(l.now))
			actions = append(actions, more...)
		}
		return actions
	})
}

// countedAtOnce opens and closes approvals of the same orders from many sides.
func countedAtOnce(t *testing.T, s store.Store) {
	together(8, func(w int) {
		for i := range 20 {
			transition := request(ask(fmt.Sprint(w, i), time.Hour, workflow(fmt.Sprint("w", i%2)), step(fmt.Sprint(w))))
			if i%4 == 3 {
				transition = forget
			}
			assert.NoError(t, s.Update(t.Context(), fmt.Sprint("o", i%3), transition))
		}
	})
	requireCounted(t, s)
	removeAll(t, s)
	requireCounted(t, s)
}
