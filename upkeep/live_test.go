package upkeep_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/dynamodb"
	"github.com/approval-relay/approval-relay/store/gate"
	"github.com/approval-relay/approval-relay/upkeep"
)

// liveTrust is the time of trust in these tests. A change that takes longer may be stored too late, so it is longer than a busy
// machine takes for one.
const liveTrust = 3 * time.Second

// liveWorker changes a store as a worker does, and knows what was acknowledged.
type liveWorker struct {
	store *gate.Store
	name  string
	acked map[string]int // by order ID: the approvals that were acknowledged last
	warm  chan struct{}  // closed after some changes
	held  int            // changes that were refused because the store was read-only
	err   error
}

// run adds orders, and approvals to its orders, until the context ends.
func (w *liveWorker) run(ctx context.Context) {
	random := rand.New(rand.NewPCG(1, uint64(len(w.name))))
	for n := 0; ctx.Err() == nil; n++ {
		if n == 40 {
			close(w.warm)
		}
		id := fmt.Sprint(w.name, "-", random.IntN(n/2+1))
		approvals := 0
		err := w.store.Update(ctx, id, func(o *approval.Order) error {
			err := addApproval(o, n)
			approvals = len(o.Approvals)
			return err
		})
		_, isReadOnly := errors.AsType[*store.ReadOnlyError](err)
		_, isFull := errors.AsType[*approval.OrderFullError](err)
		switch {
		case err == nil:
			w.acked[id] = approvals
		case isReadOnly:
			w.held++
			<-time.After(10 * time.Millisecond)
		case !isFull && ctx.Err() == nil:
			w.err = err
			return
		}
	}
}

func addApproval(o *approval.Order, n int) error {
	now := start.Add(time.Duration(n) * time.Second)
	_, _, err := o.AddRequest(approval.Request{
		Token:     approval.NewToken(fmt.Sprint("token-", n)),
		Target:    "sfn",
		Step:      fmt.Sprint("s", n),
		Workflow:  "payments",
		Policy:    approval.Policy{Kind: approval.PolicyAny},
		Deadline:  now.Add(time.Hour),
		Retention: time.Hour,
	}, approval.Environment{Now: now})
	return err
}

func recordsOf(t *testing.T, s upkeep.Store) map[string]string {
	t.Helper()
	out := map[string]string{}
	require.NoError(t, s.EachRecord(t.Context(), func(r store.RawRecord) error {
		out[r.OrderID] = string(r.Record)
		return nil
	}))
	return out
}

// TestLive moves a table while three workers change it. The new store has everything that any of them has acknowledged,
// and afterwards none of them can change the old table any more.
func TestLive(t *testing.T) {
	t.Parallel()
	ring := keys.NewRing(start)
	source := newTable(t, ring)
	fill(t, source, rand.New(rand.NewPCG(7, 8)))
	previous := store.Control{Mode: store.ControlDrain, By: "ann", Reason: "the move", Since: start}
	require.NoError(t, source.SetControl(t.Context(), previous))
	target := newSQLite(t, ring)

	ctx, cancel := context.WithCancel(t.Context())
	var workers []*liveWorker
	var group sync.WaitGroup
	for i := range 3 {
		w := &liveWorker{store: gate.New(source, liveTrust), name: fmt.Sprint("worker", i), acked: map[string]int{}, warm: make(chan struct{})}
		workers = append(workers, w)
		group.Go(func() { w.run(ctx) })
	}
	for _, w := range workers {
		<-w.warm
	}
	m := migration(source, target, ring)
	m.ToName = "relay.db"
	m.Live = &upkeep.Live{Settle: 50 * time.Millisecond, Trust: liveTrust + 100*time.Millisecond}
	moved, err := m.Run(t.Context())
	cancel()
	group.Wait()
	require.NoError(t, err)
	require.Positive(t, moved.ReadOnly)

	before, after := recordsOf(t, source), recordsOf(t, target)
	require.Equal(t, before, after)
	acked := 0
	for _, w := range workers {
		require.NoError(t, w.err)
		for id, approvals := range w.acked {
			o, err := target.Get(t.Context(), id)
			require.NoError(t, err, "an acknowledged order is missing")
			require.GreaterOrEqual(t, len(o.Approvals), approvals, "an acknowledged approval is missing")
			acked += approvals
		}
		require.Positive(t, w.held)
		requireReadOnly(t, w.store.Update(t.Context(), "late", func(o *approval.Order) error { return addApproval(o, 1) }))
	}
	t.Logf("%d orders, %d acknowledged approvals, read-only for %s", moved.Orders, acked, moved.ReadOnly)
	require.Greater(t, acked, 100)
	requireSound(t, target)
	controls, err := target.Controls(t.Context())
	require.NoError(t, err)
	require.Equal(t, previous, controls[0], "the control of the operator moves too")
	requireMoved(t, source)
}

func requireReadOnly(t *testing.T, err error) {
	t.Helper()
	_, is := errors.AsType[*store.ReadOnlyError](err)
	require.True(t, is, "%v", err)
}

// requireMoved requires that a store says that it was moved, and that nobody can change that.
func requireMoved(t *testing.T, s store.ControlKeeper) {
	t.Helper()
	require.ErrorIs(t, s.SetControl(t.Context(), store.Control{Mode: store.ControlDrain}), store.ErrMoved)
	require.ErrorIs(t, s.SetControl(t.Context(), store.Control{Workflow: "payments", Mode: store.ControlDrain}), store.ErrMoved)
	_, err := s.RemoveControl(t.Context(), "")
	require.ErrorIs(t, err, store.ErrMoved)
	controls, err := s.Controls(t.Context())
	require.NoError(t, err)
	control, isReadOnly := store.FindReadOnly(controls)
	require.True(t, isReadOnly)
	require.Equal(t, store.ControlMoved, control.Mode)
	require.Contains(t, control.Reason, "everything was moved to ")
}

// TestMovedIsRefused opens stores that were moved: a worker is refused, and the commands that read them are not.
func TestMovedIsRefused(t *testing.T) {
	t.Parallel()
	ring := keys.NewRing(start)
	path := filepath.Join(t.TempDir(), "old.db")
	file, err := openSQLite(t, path, ring, true)
	require.NoError(t, err)
	fill(t, file, rand.New(rand.NewPCG(1, 1)))
	name := fmt.Sprint("t-", rand.Uint64())
	table, err := openTable(t, name, ring, true)
	require.NoError(t, err)
	m := migration(file, table, ring)
	_, err = m.Run(t.Context())
	require.NoError(t, err)
	requireMoved(t, file)
	require.NoError(t, file.Close())
	_, err = openSQLite(t, path, ring, false)
	require.ErrorIs(t, err, store.ErrMoved)

	last := newSQLite(t, ring)
	m = migration(table, last, ring)
	_, err = m.Run(t.Context())
	require.NoError(t, err)
	requireMoved(t, table)
	_, err = openTable(t, name, ring, false)
	require.ErrorIs(t, err, store.ErrMoved)
	read, err := dynamodb.Open(t.Context(), dynamodb.Config{
		Settings: dynamodb.Settings{Table: name},
		AWS:      server.Config(),
		Sealer:   ring,
		Moved:    true,
	})
	require.NoError(t, err)
	requireSound(t, read)
}

// failingEnd is a target that cannot be completed.
type failingEnd struct{ upkeep.Store }

func (failingEnd) EndImport(context.Context) error { return errors.New("interrupted") }

// TestInterruptedAtTheEnd interrupts a migration between its last two steps, when neither store admits a worker. The next
// run completes it.
func TestInterruptedAtTheEnd(t *testing.T) {
	t.Parallel()
	ring := keys.NewRing(start)
	source := newTable(t, ring)
	fill(t, source, rand.New(rand.NewPCG(2, 2)))
	want := contentOf(t, source)
	target := newSQLite(t, ring)
	m := migration(source, failingEnd{target}, ring)
	_, err := m.Run(t.Context())
	require.ErrorContains(t, err, "interrupted")
	requireMoved(t, source)
	m = migration(source, target, ring)
	_, err = m.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, contentOf(t, target))
	_, err = m.Run(t.Context())
	require.ErrorIs(t, err, store.ErrNotEmpty)
}

// endsReadOnly is a source whose operator ends the read-only mode while it is copied.
type endsReadOnly struct{ upkeep.Store }

func (s endsReadOnly) MarkMoved(ctx context.Context, readOnly, moved store.Control) error {
	if _, err := s.RemoveControl(ctx, ""); err != nil {
		return err
	}
	if err := s.Update(ctx, "late", func(o *approval.Order) error { return addApproval(o, 1) }); err != nil {
		return err
	}
	return s.Store.MarkMoved(ctx, readOnly, moved)
}

// A migration does not end if somebody lets workers change the source after it was compared, and a failed migration gives
// the source back as it was.
func TestSomebodyEndsTheReadOnlyMode(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T, *keys.Ring) upkeep.Store{
		"SQLite":   func(t *testing.T, ring *keys.Ring) upkeep.Store { t.Helper(); return newSQLite(t, ring) },
		"DynamoDB": func(t *testing.T, ring *keys.Ring) upkeep.Store { t.Helper(); return newTable(t, ring) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ring := keys.NewRing(start)
			source := open(t, ring)
			fill(t, source, rand.New(rand.NewPCG(3, 3)))
			previous := store.Control{Mode: store.ControlPause, By: "ann", Reason: "r", Since: start}
			require.NoError(t, source.SetControl(t.Context(), previous))
			target := newSQLite(t, ring)
			m := migration(endsReadOnly{source}, target, ring)
			_, err := m.Run(t.Context())
			require.ErrorIs(t, err, store.ErrNotReadOnly)
			require.ErrorContains(t, err, "run the command again")
			controls, err := source.Controls(t.Context())
			require.NoError(t, err)
			require.Equal(t, previous, controls[0])
			want := contentOf(t, source)
			m = migration(source, target, ring)
			_, err = m.Run(t.Context())
			require.NoError(t, err)
			require.Equal(t, want, contentOf(t, target))
		})
	}
}

// lateWriter is a source that a slow worker changes after the first pass, without an acknowledgement.
type lateWriter struct {
	upkeep.Store
	scans, changes int
}

func (s *lateWriter) EachRecord(ctx context.Context, f func(store.RawRecord) error) error {
	s.scans++
	if s.scans > 3 && s.changes > 0 {
		s.changes--
		if err := s.Update(ctx, fmt.Sprint("late-", s.scans), func(o *approval.Order) error { return addApproval(o, 1) }); err != nil {
			return err
		}
	}
	return s.Store.EachRecord(ctx, f)
}

// A change that comes too late is copied by another pass. A source that changes again and again is not moved.
func TestLateChanges(t *testing.T) {
	t.Parallel()
	for changes, isMoved := range map[int]bool{1: true, 2: true, 1000: false} {
		ring := keys.NewRing(start)
		source := newSQLite(t, ring)
		fill(t, source, rand.New(rand.NewPCG(4, 4)))
		target := newSQLite(t, ring)
		m := migration(&lateWriter{Store: source, changes: changes}, target, ring)
		m.Live = &upkeep.Live{}
		_, err := m.Run(t.Context())
		if !isMoved {
			require.ErrorContains(t, err, "a worker of an older release uses it")
			continue
		}
		require.NoError(t, err)
		require.Equal(t, recordsOf(t, source), recordsOf(t, target))
		text, err := json.Marshal(recordsOf(t, target))
		require.NoError(t, err)
		require.Contains(t, string(text), "late-")
	}
}
