package gate_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/gate"
	"github.com/approval-relay/approval-relay/store/memory"
	"github.com/approval-relay/approval-relay/store/storetest"
)

// slowStore is a store whose changes take some time, and that counts the looks at its controls.
type slowStore struct {
	*memory.Store

	took  time.Duration
	looks atomic.Int32
	fails error // of the looks
}

func (s *slowStore) Controls(ctx context.Context) ([]store.Control, error) {
	s.looks.Add(1)
	if s.fails != nil {
		return nil, s.fails
	}
	return s.Store.Controls(ctx)
}

func (s *slowStore) Update(ctx context.Context, id string, f func(*approval.Order) error) error {
	time.Sleep(s.took)
	return s.Store.Update(ctx, id, f)
}

func (s *slowStore) UpdateUnsynced(ctx context.Context, orderID string, f func(*approval.Order) error) error {
	return s.Update(ctx, orderID, f)
}

var readOnly = store.Control{Mode: store.ControlReadOnly, By: "ann", Reason: "the store moves"}

func ask(o *approval.Order) error {
	_, _, err := o.AddRequest(approval.Request{
		Token:     approval.NewToken("t"),
		Target:    "sfn",
		Workflow:  "orders",
		Policy:    approval.Policy{Kind: approval.PolicyAny},
		Deadline:  time.Now().Add(time.Hour),
		Retention: time.Hour,
	}, approval.Environment{Now: time.Now()})
	return err
}

func requireReadOnly(t *testing.T, err error) {
	t.Helper()
	_, is := errors.AsType[*store.ReadOnlyError](err)
	require.True(t, is, "%v", err)
}

// No change is acknowledged later than the time of trust after the store became read-only, however long it takes and
// whenever it began.
func TestAcknowledgedInTime(t *testing.T) {
	t.Parallel()
	for _, began := range []time.Duration{-9 * time.Second, -time.Second, 0, time.Second, 9 * time.Second, 11 * time.Second} {
		for _, took := range []time.Duration{0, time.Second, 10 * time.Second, 12 * time.Second, time.Minute} {
			for _, looked := range []time.Duration{-10 * time.Second, -time.Second, time.Second} { // to the switch
				synctest.Test(t, func(t *testing.T) {
					inner := &slowStore{Store: memory.New(), took: took}
					s := gate.New(inner, gate.Trust)
					switchedAt := time.Now().Add(20 * time.Second)
					go func() {
						time.Sleep(20 * time.Second)
						_ = inner.SetControl(context.Background(), readOnly)
					}()
					go func() {
						time.Sleep(20*time.Second + looked)
						_, _ = s.Controls(context.Background())
					}()
					time.Sleep(20*time.Second + began)
					err := s.Update(t.Context(), "o", ask)
					if err == nil {
						require.LessOrEqual(t, time.Since(switchedAt), gate.Trust)
					} else {
						requireReadOnly(t, err)
					}
					synctest.Wait()
					time.Sleep(time.Minute)
				})
			}
		}
	}
}

// All that changes the store is refused while it is read-only, and taken again afterwards. What reads it goes on.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := gate.New(memory.New(), gate.Trust)
		ctx := t.Context()
		require.NoError(t, s.Update(ctx, "o", ask))
		id, err := s.PutDeadLetter(ctx, store.DeadLetter{Source: "s", Reason: "r"})
		require.NoError(t, err)
		for _, mode := range []store.ControlMode{store.ControlReadOnly, store.ControlMoved} {
			require.NoError(t, s.SetControl(ctx, store.Control{Mode: mode}))
			time.Sleep(gate.Trust + time.Nanosecond)
			requireReadOnly(t, s.Update(ctx, "o", ask))
			requireReadOnly(t, s.MarkDeadLetter(ctx, store.DeadLetter{ID: id}))
			requireReadOnly(t, s.DeleteDeadLetter(ctx, id))
			_, err = s.PutDeadLetter(ctx, store.DeadLetter{Source: "s"})
			requireReadOnly(t, err)
			claimed, err := s.Claim(ctx, time.Now().Add(2*time.Hour), 10, time.Minute)
			require.NoError(t, err)
			require.Empty(t, claimed)
			o, err := s.Get(ctx, "o")
			require.NoError(t, err)
			require.Len(t, o.Approvals, 1)
		}
		for _, c := range []store.Control{{Mode: store.ControlPause}, {Mode: store.ControlDrain}, {Workflow: "w", Mode: store.ControlReadOnly}} {
			require.NoError(t, s.SetControl(ctx, c))
			_, err = s.Controls(ctx)
			require.NoError(t, err)
			require.NoError(t, s.Update(ctx, "o", func(*approval.Order) error { return nil }), c)
		}
		claimed, err := s.Claim(ctx, time.Now().Add(2*time.Hour), 10, time.Minute)
		require.NoError(t, err)
		require.Equal(t, []string{"o"}, claimed)
	})
}

// A store whose controls cannot be read is changed for the time of trust only. While a worker looks regularly, a change
// costs no look of its own.
func TestLooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		inner := &slowStore{Store: memory.New()}
		s := gate.New(inner, gate.Trust)
		for range 20 {
			_, err := s.Controls(t.Context())
			require.NoError(t, err)
			require.NoError(t, s.Update(t.Context(), "o", ask))
			time.Sleep(2 * time.Second)
		}
		require.EqualValues(t, 20, inner.looks.Load())
		inner.fails = errors.New("the network is down")
		require.NoError(t, s.Update(t.Context(), "o", ask))
		time.Sleep(gate.Trust)
		require.ErrorIs(t, s.Update(t.Context(), "o", ask), inner.fails)
		_, err := s.Claim(t.Context(), time.Now(), 1, time.Minute)
		require.ErrorIs(t, err, inner.fails)
		inner.fails = nil
		require.NoError(t, s.Update(t.Context(), "o", ask))
	})
}

// blockedStore is a store whose controls are not read before it is released.
type blockedStore struct {
	*memory.Store

	release chan struct{}
}

func (s *blockedStore) Controls(ctx context.Context) ([]store.Control, error) {
	<-s.release
	return s.Store.Controls(ctx)
}

// A change does not wait longer than its caller for the look of another.
func TestLookOfAnotherHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		inner := &blockedStore{Store: memory.New(), release: make(chan struct{})}
		s := gate.New(inner, gate.Trust)
		go func() { _ = s.Update(context.Background(), "o", ask) }()
		synctest.Wait()
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, s.Update(ctx, "o", ask), context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(began))
		close(inner.release)
		synctest.Wait()
		require.NoError(t, s.Update(t.Context(), "other", ask))
	})
}

// A change that fails because of what it has found is not answered too late either: the refusal of a repeated message
// acknowledges it.
func TestRefusedTooLate(t *testing.T) {
	t.Parallel()
	for took, isReadOnly := range map[time.Duration]bool{time.Second: false, time.Minute: true} {
		synctest.Test(t, func(t *testing.T) {
			inner := &slowStore{Store: memory.New(), took: took}
			s := gate.New(inner, gate.Trust)
			go func() {
				time.Sleep(time.Second / 2)
				_ = inner.SetControl(context.Background(), readOnly)
			}()
			repeated := errors.New("it is recorded already")
			err := s.Update(t.Context(), "o", func(*approval.Order) error { return repeated })
			if isReadOnly {
				requireReadOnly(t, err)
			} else {
				require.ErrorIs(t, err, repeated)
			}
		})
	}
}

// The answer tells a change that was refused from one that may be in the store.
func TestMayBeStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		inner := &slowStore{Store: memory.New(), took: time.Minute}
		s := gate.New(inner, gate.Trust)
		go func() {
			time.Sleep(time.Second)
			_ = inner.SetControl(context.Background(), readOnly)
		}()
		for _, mayBeStored := range []bool{true, false} {
			var refused *store.ReadOnlyError
			require.ErrorAs(t, s.Update(t.Context(), "o", ask), &refused)
			require.Equal(t, mayBeStored, refused.MayBeStored)
			require.Equal(t, readOnly, refused.Control)
		}
	})
}

func TestSuite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) store.Store { return gate.New(memory.New(), gate.Trust) })
}
