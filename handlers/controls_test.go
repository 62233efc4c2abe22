package handlers

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/memory"
)

// controlWatcher keeps what the metrics would show. Its store fails if it has an error.
type controlWatcher struct {
	*memory.Store
	mu      sync.Mutex
	err     error
	current []store.Control
	changes int
}

func (w *controlWatcher) ControlsChanged(controls []store.Control) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.current = controls
	w.changes++
}

func (w *controlWatcher) Controls(ctx context.Context) ([]store.Control, error) {
	if err := w.failure(); err != nil {
		return nil, err
	}
	return w.Store.Controls(ctx)
}

func (w *controlWatcher) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// fail lets the store fail with this error; nil ends that.
func (w *controlWatcher) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = err
}

func newControls(w *controlWatcher) *Controls {
	return &Controls{
		Keeper:    w,
		Workflows: func() []string { return []string{"orders", "refunds"} },
		Observer:  w,
		Log:       slog.New(slog.DiscardHandler),
		Now:       time.Now,
	}
}

// The stronger of the control of a workflow and that of all workflows holds.
func TestStrongerControl(t *testing.T) {
	t.Parallel()
	const free, drain, pause, readOnly = "", store.ControlDrain, store.ControlPause, store.ControlReadOnly
	for _, c := range []struct{ all, own, want store.ControlMode }{
		{free, free, free},
		{drain, free, drain},
		{pause, free, pause},
		{free, drain, drain},
		{free, pause, pause},
		{drain, pause, pause},
		{pause, drain, pause},
		{drain, drain, drain},
		{readOnly, free, readOnly},
		{readOnly, pause, readOnly},
		{readOnly, drain, readOnly},
	} {
		controls := newControls(&controlWatcher{Store: memory.New()})
		for workflow, mode := range map[string]store.ControlMode{"": c.all, "orders": c.own} {
			if mode != free {
				require.NoError(t, controls.Set(t.Context(), store.Control{Workflow: workflow, Mode: mode, Reason: "x"}))
			}
		}
		found, controlled := controls.Find("orders")
		require.Equal(t, c.want, found.Mode, "%+v", c)
		require.Equal(t, c.want != free, controlled, "%+v", c)
		require.Equal(t, c.want == free, controls.TakesRequests("orders"), "%+v", c)
		require.Equal(t, c.want == pause || c.want == readOnly, controls.IsPaused("orders"), "%+v", c)
		require.Equal(t, c.want != readOnly, controls.TakesDecisions(), "%+v", c)
		require.Equal(t, c.want != readOnly, controls.DecisionIntake().Err() == nil, "%+v", c)
		require.Equal(t, c.want == free, controls.Admit("orders") == nil, "%+v", c)
		require.Equal(t, c.all == free, controls.TakesRequests("refunds"), "%+v", c)
	}
	var none *Controls
	require.True(t, none.TakesRequests("orders"))
}

func TestRefusedControls(t *testing.T) {
	t.Parallel()
	controls := newControls(&controlWatcher{Store: memory.New()})
	for field, c := range map[string]store.Control{
		"mode":   {Mode: "odd", Reason: "x"},
		"reason": {Mode: store.ControlDrain, Reason: strings.Repeat("x", maxControlReason+1)},
	} {
		err := controls.Set(t.Context(), c)
		require.ErrorContains(t, err, field)
		require.True(t, approval.IsPermanent(err))
	}
	err := controls.Set(t.Context(), store.Control{Workflow: "odd", Mode: store.ControlDrain, Reason: "x"})
	require.ErrorAs(t, err, new(*UnknownWorkflowError))
	err = controls.Set(t.Context(), store.Control{Workflow: "orders", Mode: store.ControlReadOnly, Reason: "x"})
	require.ErrorContains(t, err, "it can be set for all workflows only")
	require.Error(t, controls.Set(t.Context(), store.Control{Mode: store.ControlMoved, Reason: "x"}))
	require.Error(t, controls.Remove(t.Context(), "", "ops", "", strings.Repeat("x", maxControlReason+1)))
	require.NoError(t, controls.Remove(t.Context(), "removed from the configuration", "ops", "", ""))
}

// A worker learns within seconds what was set through another one, and keeps to it while the store is away.
func TestControlsOfOtherWorkers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := memory.New()
		w := &controlWatcher{Store: shared}
		here, there := newControls(w), newControls(&controlWatcher{Store: shared})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go here.Run(ctx)
		open := here.Intake("orders")
		require.NoError(t, open.Err())

		require.NoError(t, there.Set(ctx, store.Control{Workflow: "orders", Mode: store.ControlPause, Reason: "x"}))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		require.True(t, here.IsPaused("orders"))
		require.Error(t, open.Err(), "the queue is not read")
		require.Error(t, here.Intake("orders").Err())
		require.NoError(t, here.Intake("refunds").Err())
		require.Len(t, w.current, 1)

		w.fail(errors.New("away"))
		time.Sleep(time.Hour)
		synctest.Wait()
		require.True(t, here.IsPaused("orders"))
		w.fail(nil)
		require.NoError(t, there.Remove(ctx, "orders", "ops", "", "done"))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		require.False(t, here.IsPaused("orders"))
		require.NoError(t, here.Intake("orders").Err())
		require.Equal(t, 2, w.changes, "the pause and its end")
	})
}
