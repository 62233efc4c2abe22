package dynamodb

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

func requireOwed(t *testing.T, s *Store, want map[string]store.OwedStats) {
	t.Helper()
	stats, err := s.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, stats.Owed)
}

// owe gives an order a failed callback in each of these workflows.
func owe(workflows ...string) func(o *approval.Order) error {
	return func(o *approval.Order) error {
		o.Approvals = nil
		for i, workflow := range workflows {
			a := &approval.Approval{ID: workflow, Status: approval.Approved}
			a.Workflow = workflow
			a.Callback = approval.Callback{
				State:        approval.CallbackPending,
				PendingSince: startTime.Add(time.Duration(i) * time.Hour),
				LastError:    "timeout",
			}
			o.Approvals = append(o.Approvals, a)
		}
		return nil
	}
}

// A worker of an older version knows nothing of the items of owed answers. It keeps the attribute, so that the next worker
// that changes the order mends them, whichever of the two has stored the answer and its end.
func TestOwedAnswersBesideAnOlderWorker(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	asOldWorker := func(id string, owed item, transition func(o *approval.Order) error) {
		i, err := s.getItem(t.Context(), orderKey(id))
		require.NoError(t, err)
		o, unknown, err := s.decodeOrder(id, i)
		require.NoError(t, err)
		require.NoError(t, transition(o))
		i["order_record"] = bytesAttr(mustEncode(t, s, o, unknown))
		delete(i, "owed")
		if owed != nil {
			i["owed"] = owed["owed"]
		}
		putAsOther(t, s, i)
	}
	one := map[string]store.OwedStats{"v": {Orders: 1, Oldest: []time.Time{startTime}}}

	mustUpdate(t, s, "a", addRequest)
	asOldWorker("a", nil, owe("v"))
	requireOwed(t, s, nil)
	mustUpdate(t, s, "a", func(*approval.Order) error { return nil })
	requireOwed(t, s, one)

	before, err := s.getItem(t.Context(), orderKey("a"))
	require.NoError(t, err)
	asOldWorker("a", before, func(o *approval.Order) error {
		missAnswer(o.Approvals[0])
		return nil
	})
	requireOwed(t, s, one)
	mustUpdate(t, s, "a", func(*approval.Order) error { return nil })
	requireOwed(t, s, nil)
}

// An order has items for eight workflows: for those that wait for longest.
func TestOwedAnswersOfManyWorkflows(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	workflows := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}
	mustUpdate(t, s, "o", owe(workflows...))
	stats, err := s.Stats(t.Context())
	require.NoError(t, err)
	require.Len(t, stats.Owed, maxOwed)
	require.Contains(t, stats.Owed, "a")
	require.NotContains(t, stats.Owed, "j")
	mustUpdate(t, s, "o", owe("j", "a"))
	requireOwed(t, s, map[string]store.OwedStats{
		"j": {Orders: 1, Oldest: []time.Time{startTime}},
		"a": {Orders: 1, Oldest: []time.Time{startTime.Add(time.Hour)}},
	})
	require.NoError(t, s.CheckRecords(t.Context(), false, func(f store.Fault) { require.Fail(t, f.Text) }))
	mustUpdate(t, s, "o", owe())
	requireOwed(t, s, nil)
}

// TestItemsOfAnOwedAnswer holds that an answer which is delivered by its first attempt writes no item more for being owed.
// The first failure and the end write one more, and the attempts between them write the order alone.
func TestItemsOfAnOwedAnswer(t *testing.T) {
	t.Parallel()
	calls := &callCounter{}
	s := openThrough(t, Config{}, calls.roundTrip)
	now := startTime
	var call approval.Action
	items := func(id string, f func(o *approval.Order, env approval.Environment) []approval.Action) int64 {
		calls.take()
		now = now.Add(time.Minute)
		mustUpdate(t, s, id, func(o *approval.Order) error {
			for _, action := range f(o, approval.Environment{Now: now, Lease: 30 * time.Second}) {
				if action.Kind == approval.ActionCallback {
					call = action
				}
			}
			return nil
		})
		_, writes := calls.take()
		return writes
	}
	cancel := func(o *approval.Order, env approval.Environment) []approval.Action {
		_, actions := o.Cancel("", "operator", "not needed", env)
		return actions
	}
	end := func(kind approval.ResultKind) func(*approval.Order, approval.Environment) []approval.Action {
		return func(o *approval.Order, env approval.Environment) []approval.Action {
			o.RecordCallbackResult(call, approval.Result{Kind: kind, Reason: "timeout", After: time.Second}, env)
			return nil
		}
	}
	advance := func(o *approval.Order, env approval.Environment) []approval.Action { return o.Advance(env) }
	for _, id := range []string{"good", "bad"} {
		mustUpdate(t, s, id, func(o *approval.Order) error {
			err := addRequest(o)
			o.Approvals[0].CallbackRetry = approval.RetrySchedule{Base: time.Second, Cap: time.Second, MaxAge: time.Hour}
			return err
		})
	}
	require.EqualValues(t, 1, items("good", cancel))
	require.EqualValues(t, 1, items("good", end(approval.ResultOK)))
	require.EqualValues(t, 1, items("bad", cancel))
	require.EqualValues(t, 2, items("bad", end(approval.ResultFailed)), "its owed item, the order")
	require.EqualValues(t, 1, items("bad", advance))
	require.EqualValues(t, 1, items("bad", end(approval.ResultFailed)))
	require.EqualValues(t, 1, items("bad", advance))
	require.EqualValues(t, 2, items("bad", end(approval.ResultOK)), "the order, and the deletion of its owed item")
}
