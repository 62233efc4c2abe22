package upkeep_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/gate"
	"github.com/approval-relay/approval-relay/upkeep"
)

// busySource is a source whose operators and workers act while it is moved.
type busySource struct {
	upkeep.Store
	scans  int
	onScan func(scan int)         // before a pass over all records; the second one is the first copy
	onMark func()                 // before the source is marked as moved
	modes  []store.ControlMode    // that the migration has set for all workflows
	set    func(store.Control)    // an operator sets a control
	update func(orderID string)   // a worker stores an order
	find   func() []store.Control // the controls
}

func newBusySource(t *testing.T, ring *keys.Ring) *busySource {
	t.Helper()
	inner := newSQLite(t, ring)
	fill(t, inner, rand.New(rand.NewPCG(5, 5)))
	return &busySource{
		Store:  inner,
		onScan: func(int) {},
		onMark: func() {},
		set: func(c store.Control) {
			require.NoError(t, inner.SetControl(t.Context(), c))
		},
		update: func(orderID string) {
			err := inner.Update(t.Context(), orderID, func(o *approval.Order) error { return addApproval(o, 1) })
			require.NoError(t, err)
		},
		find: func() []store.Control {
			controls, err := inner.Controls(t.Context())
			require.NoError(t, err)
			return controls
		},
	}
}

func (s *busySource) EachRecord(ctx context.Context, f func(store.RawRecord) error) error {
	s.scans++
	s.onScan(s.scans)
	return s.Store.EachRecord(ctx, f)
}

func (s *busySource) SetControl(ctx context.Context, c store.Control) error {
	s.modes = append(s.modes, c.Mode)
	return s.Store.SetControl(ctx, c)
}

func (s *busySource) MarkMoved(ctx context.Context, readOnly, moved store.Control) error {
	s.onMark()
	return s.Store.MarkMoved(ctx, readOnly, moved)
}

func ofAnn(workflow string, mode store.ControlMode) store.Control {
	return store.Control{Workflow: workflow, Mode: mode, By: "ann", Reason: "an incident", Since: start}
}

// Workers get a new key while their table is copied, and the migration has only the old one. What the new key seals must
// not be left out.
func TestNewKeyMeanwhile(t *testing.T) {
	t.Parallel()
	for scan := 2; scan <= 3; scan++ { // the copy beside the workers, and the last one
		ring := keys.NewRing(start)
		old, err := keys.ParseFile(ring.FileText())
		require.NoError(t, err)
		source, target := newBusySource(t, ring), newSQLite(t, old)
		source.onScan = func(n int) {
			if n == scan {
				ring.Replace(ring.Rotate(start))
				source.update("new")
				source.update("order-1")
			}
		}
		m := migration(source, target, old)
		m.Live = &upkeep.Live{}
		var faults []store.Fault
		m.Report = func(f store.Fault) { faults = append(faults, f) }
		_, err = m.Run(t.Context())
		require.ErrorContains(t, err, "cannot be read, and could be at the beginning")
		require.NotEmpty(t, faults)
		require.Len(t, source.find(), 1, "the source is given back to its workers")

		old.Replace(ring) // the configuration of the target gets the new key
		m = migration(source, target, old)
		_, err = m.Run(t.Context())
		require.NoError(t, err)
		_, err = target.Get(t.Context(), "new")
		require.NoError(t, err)
	}
}

// A control that an operator sets while the store is copied holds in the new store.
func TestControlsOfOperatorsMove(t *testing.T) {
	t.Parallel()
	ring := keys.NewRing(start)
	source, target := newBusySource(t, ring), newSQLite(t, ring)
	source.onScan = func(n int) {
		if n == 2 {
			source.set(ofAnn("", store.ControlDrain))
		}
	}
	source.onMark = func() {
		source.set(ofAnn("payments", store.ControlDrain)) // it was paused
		source.set(ofAnn("refunds", store.ControlPause))
	}
	m := migration(source, target, ring)
	m.Live = &upkeep.Live{}
	moved, err := m.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, 3, moved.Controls)
	got, err := target.Controls(t.Context())
	require.NoError(t, err)
	require.Equal(t, []store.Control{
		ofAnn("", store.ControlDrain), ofAnn("payments", store.ControlDrain), ofAnn("refunds", store.ControlPause),
	}, got)
}

// A control of all workflows that an operator sets after the migration's own makes the migration fail, and stays.
func TestControlOfOperatorStays(t *testing.T) {
	t.Parallel()
	for scan := 3; scan <= 4; scan++ {
		ring := keys.NewRing(start)
		source := newBusySource(t, ring)
		source.onScan = func(n int) {
			if n == scan {
				source.set(ofAnn("", store.ControlPause))
			}
		}
		m := migration(source, newSQLite(t, ring), ring)
		m.Live = &upkeep.Live{}
		_, err := m.Run(t.Context())
		require.ErrorIs(t, err, store.ErrNotReadOnly)
		require.Equal(t, ofAnn("", store.ControlPause), source.find()[0])
	}
}

// A store that an operator has made read-only takes nothing while it is moved.
func TestReadOnlyStays(t *testing.T) {
	t.Parallel()
	ring := keys.NewRing(start)
	source := newBusySource(t, ring)
	source.set(ofAnn("", store.ControlReadOnly))
	m := migration(source, newSQLite(t, ring), ring)
	m.Live = &upkeep.Live{}
	_, err := m.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, []store.ControlMode{store.ControlReadOnly, store.ControlReadOnly}, source.modes)
}

// A worker that nobody has stopped acknowledges nothing that the new store does not have.
func TestForgottenWorker(t *testing.T) {
	t.Parallel()
	ring := keys.NewRing(start)
	source, target := newBusySource(t, ring), newSQLite(t, ring)
	worker := gate.New(source.Store, liveTrust)
	add := func(id string) error {
		return worker.Update(t.Context(), id, func(o *approval.Order) error { return addApproval(o, 1) })
	}
	source.onScan = func(n int) {
		if n == 1 {
			require.NoError(t, add("early"))
		}
	}
	source.onMark = func() { requireReadOnly(t, add("late")) }
	m := migration(source, target, ring)
	m.Trust = liveTrust + time.Millisecond
	_, err := m.Run(t.Context())
	require.NoError(t, err)
	_, err = target.Get(t.Context(), "early")
	require.NoError(t, err)
}
