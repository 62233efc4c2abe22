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
		"orders are counted in all states": lifecyclesAreCounted,
		"concurrent updates are counted":   concurrentUpdatesAreCounted,
	}
}

// requireCounted compares Stats, and the list by age, with all stored orders.
func requireCounted(t testingT, s store.Store) {
	t.Helper()
	want := store.Stats{Workflows: map[string]store.WorkflowStats{}}
	var waiting []store.AgeCursor
	for _, o := range listAll(t, s, store.OrderQuery{}) {
		want.AddStates(store.StatesOf(o))
		for _, w := range o.OwedAnswers() {
			want.AddOwed(w)
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
	require.Equal(t, byAge, orderIDs(listAll(t, s, store.OrderQuery{ByAge: true, Limit: 1})))
}

// lifecyclesAreCounted runs random transitions: requests, decisions, superseded, timed out and cancelled approvals, and
// delivered, exhausted and redriven callbacks.
func lifecyclesAreCounted(t *testing.T, s store.Store) {
	rapid.Check(t, func(t *rapid.T) {
		removeAll(t, s)
		l := &lifecycle{store: s}
		t.Repeat(map[string]func(*rapid.T){
			"count":       func(t *rapid.T) { requireCounted(t, s) },
			"time passes": func(t *rapid.T) { l.now += time.Duration(rapid.IntRange(1, 90).Draw(t, "minutes")) * time.Minute },
			"request":     l.addRequest,
			"decide":      l.addDecision,
			"advance":     l.advanceOrder,
			"call back":   l.recordCallback,
			"cancel":      l.cancelApproval,
			"redrive":     l.redriveCallbacks,
			"dismiss":     l.dismissApproval,
			"hold":        func(*rapid.T) { l.isHeld = !l.isHeld },
		})
		requireCounted(t, s)
		removeAll(t, s)
		requireCounted(t, s)
	})
}

// lifecycle runs transitions of package approval on a few orders.
type lifecycle struct {
	store store.Store
	now   time.Duration
	tasks int // number of task tokens
	// isHeld is set while an operator holds the callbacks.
	isHeld bool
	calls  []approval.Action
}

func (l *lifecycle) environment() approval.Environment {
	env := environmentAt(l.now)
	env.Hold = func(action approval.Action) bool { return l.isHeld && action.Kind == approval.ActionCallback }
	return env
}

func (l *lifecycle) updateRandomOrder(t *rapid.T, transition func(o *approval.Order) []approval.Action) {
	id := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "order")
	var actions []approval.Action
	mustUpdate(t, l.store, id, func(o *approval.Order) error {
		actions = transition(o)
		return nil
	})
	for _, act := range actions {
		if act.Kind == approval.ActionCallback {
			l.calls = append(l.calls, act)
		}
	}
}

func (l *lifecycle) addRequest(t *rapid.T) {
	l.tasks++
	workflow := rapid.SampledFrom([]string{"v", "w"}).Draw(t, "workflow")
	step := rapid.SampledFrom([]string{"", "1"}).Draw(t, "step")
	a := newRequest(fmt.Sprint("task ", l.tasks), l.now+2*time.Hour, inWorkflow(workflow), atStep(step))
	l.updateRandomOrder(t, func(o *approval.Order) []approval.Action {
		_, actions, _ := o.AddRequest(a, l.environment())
		return actions
	})
}

func (l *lifecycle) addDecision(t *rapid.T) {
	d := approval.Decision{
		ID:      rapid.StringMatching(`[a-z]{4}`).Draw(t, "decision"),
		Via:     approval.ViaAPI,
		Source:  "api",
		By:      "ann",
		Outcome: rapid.SampledFrom([]approval.Outcome{approval.Approve, approval.Reject}).Draw(t, "outcome"),
	}
	l.updateRandomOrder(t, func(o *approval.Order) []approval.Action {
		_, actions, _ := o.Decide(d, approval.UnmatchedRetention{WaitFor: time.Hour, ShowExpiredFor: time.Hour}, l.environment())
		return actions
	})
}

func (l *lifecycle) advanceOrder(t *rapid.T) {
	l.updateRandomOrder(t, func(o *approval.Order) []approval.Action { return o.Advance(l.environment()) })
}

func (l *lifecycle) recordCallback(t *rapid.T) {
	if len(l.calls) == 0 {
		t.Skip("nothing to call")
	}
	kind := rapid.SampledFrom([]approval.ResultKind{
		approval.ResultOK, approval.ResultRefused, approval.ResultFailed, approval.ResultClosed,
	})
	act := rapid.SampledFrom(l.calls).Draw(t, "call")
	result := approval.Result{Kind: kind.Draw(t, "result")}
	mustUpdate(t, l.store, act.OrderID, func(o *approval.Order) error {
		o.RecordCallbackResult(act, result, l.environment())
		return nil
	})
}

func (l *lifecycle) cancelApproval(t *rapid.T) {
	l.updateRandomOrder(t, func(o *approval.Order) []approval.Action {
		_, actions := o.Cancel("", "operator", "not needed", l.environment())
		return actions
	})
}

func (l *lifecycle) redriveCallbacks(t *rapid.T) {
	l.updateRandomOrder(t, func(o *approval.Order) (actions []approval.Action) {
		for _, a := range o.Approvals {
			_, more := o.RedriveCallback(a.ID, approval.OperatorActor("operator", ""), 0, l.environment())
			actions = append(actions, more...)
		}
		return actions
	})
}

func (l *lifecycle) dismissApproval(t *rapid.T) {
	act := approval.Act{
		ID:     rapid.StringMatching(`[a-z]{4}`).Draw(t, "dismissal"),
		Actor:  approval.OperatorActor("operator", ""),
		Reason: "done by hand",
	}
	l.updateRandomOrder(t, func(o *approval.Order) []approval.Action {
		_, actions, _ := o.Dismiss(act, l.environment())
		return actions
	})
}

// concurrentUpdatesAreCounted opens and closes approvals of the same orders from many goroutines.
func concurrentUpdatesAreCounted(t *testing.T, s store.Store) {
	runConcurrently(8, func(w int) {
		for i := range 20 {
			workflow := inWorkflow(fmt.Sprint("w", i%2))
			transition := addRequest(newRequest(fmt.Sprint(w, i), time.Hour, workflow, atStep(fmt.Sprint(w))))
			if i%4 == 3 {
				transition = removeOrder
			}
			assert.NoError(t, s.Update(t.Context(), fmt.Sprint("o", i%3), transition))
		}
	})
	requireCounted(t, s)
	removeAll(t, s)
	requireCounted(t, s)
}
