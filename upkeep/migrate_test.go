package upkeep_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/dynamodb"
	"github.com/approval-relay/approval-relay/store/dynamodb/dynamodbtest"
	"github.com/approval-relay/approval-relay/store/sqlite"
	"github.com/approval-relay/approval-relay/upkeep"
)

// server is the DynamoDB Local of all tests; nil if it is not installed.
var server *dynamodbtest.Server

func TestMain(m *testing.M) {
	flag.Parse()
	var err error
	if server, err = dynamodbtest.Start(context.Background()); err != nil && !errors.Is(err, dynamodbtest.ErrMissing) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if server != nil {
		_ = server.Stop()
	}
	os.Exit(code)
}

var start = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func openSQLite(t *testing.T, path string, ring *keys.Ring, toFill bool) (*sqlite.Store, error) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Sealer: ring, KeepSchema: true, Import: toFill})
	if err == nil {
		t.Cleanup(func() { require.NoError(t, s.Close()) })
	}
	return s, err
}

func newSQLite(t *testing.T, ring *keys.Ring) *sqlite.Store {
	t.Helper()
	s, err := openSQLite(t, filepath.Join(t.TempDir(), "relay.db"), ring, true)
	require.NoError(t, err)
	return s
}

func openTable(t *testing.T, table string, ring *keys.Ring, toFill bool) (*dynamodb.Store, error) {
	t.Helper()
	if server == nil {
		t.Skip(dynamodbtest.ErrMissing)
	}
	return dynamodb.Open(t.Context(), dynamodb.Config{
		Settings: dynamodb.Settings{Table: table, Create: true},
		AWS:      server.Config(),
		Sealer:   ring,
		Import:   toFill,
	})
}

func newTable(t *testing.T, ring *keys.Ring) *dynamodb.Store {
	t.Helper()
	s, err := openTable(t, "t-"+fmt.Sprint(rand.Uint64()), ring, true)
	require.NoError(t, err)
	return s
}

// fill makes orders in all states, dead letters of all sizes, controls and keys.
func fill(t *testing.T, s upkeep.Store, random *rand.Rand) {
	t.Helper()
	ids := []string{"a", "a ", "ü", "\x00", "'; DROP TABLE orders; --", "😀", strings.Repeat("x", 1024)}
	for i := range 60 {
		ids = append(ids, fmt.Sprint("order-", i))
	}
	for i, id := range ids {
		err := s.Update(t.Context(), id, func(o *approval.Order) error { return fillOrder(o, i, random) })
		require.NoError(t, err)
	}
	for i, size := range []int{0, 10, 500_000} {
		_, err := s.PutDeadLetter(t.Context(), store.DeadLetter{
			Source:   "requests",
			Reason:   fmt.Sprint("reason ", i),
			Body:     []byte(strings.Repeat(fmt.Sprint(random.Uint64()), size/10)),
			Metadata: map[string]string{"n": fmt.Sprint(i)},
			At:       start.Add(time.Duration(i) * time.Minute),
			Redrives: i,
		})
		require.NoError(t, err)
	}
	require.NoError(t, s.SetControl(t.Context(), store.Control{Workflow: "payments", Mode: "pause", By: "ann", Reason: "r", Since: start}))
	require.NoError(t, s.AddKeyID(t.Context(), "an-old-key"))
}

func fillOrder(o *approval.Order, serial int, random *rand.Rand) error {
	env := approval.Environment{Now: start.Add(time.Duration(serial) * time.Second), Lease: time.Minute, Jitter: 0.5}
	short := approval.Order{ID: "short"} // an ID may be longer than package approval allows
	for step := range 1 + random.IntN(3) {
		_, actions, err := short.AddRequest(approval.Request{
			Token:         approval.NewToken(fmt.Sprintf("token-%d-%d", serial, step)),
			Target:        "sfn",
			Step:          fmt.Sprint("s", step),
			Workflow:      []string{"payments", "orders", "refunds"}[random.IntN(3)],
			Policy:        approval.Policy{Kind: approval.PolicyAny},
			Deadline:      env.Now.Add(time.Hour),
			Retention:     time.Hour,
			CallbackRetry: approval.RetrySchedule{Base: time.Second, Cap: time.Minute, MaxAge: time.Hour},
		}, env)
		if err != nil {
			return err
		}
		_ = actions
		if random.IntN(2) == 0 {
			_, actions, err = short.Decide(approval.Decision{
				ID:         fmt.Sprintf("d-%d-%d", serial, step),
				ApprovalID: short.Approvals[step].ID,
				Outcome:    approval.Approve,
				By:         "ann",
				Via:        approval.ViaAPI,
				Source:     "api",
			}, approval.UnmatchedRetention{WaitFor: time.Hour}, env)
			if err != nil {
				return err
			}
			result := approval.Result{
				Kind:       []approval.ResultKind{approval.ResultOK, approval.ResultFailed, approval.ResultRefused}[random.IntN(3)],
				Reason:     "r",
				ReasonCode: "http_503",
			}
			for _, action := range actions {
				if action.Kind == approval.ActionCallback && random.IntN(4) > 0 {
					short.RecordCallbackResult(action, result, env)
				}
			}
		}
	}
	o.Approvals = short.Approvals
	o.History = short.History
	return nil
}

// contentOf returns everything that a worker sees of a store.
func contentOf(t *testing.T, s upkeep.Store) string {
	t.Helper()
	var out strings.Builder
	put := func(v any) {
		text, err := json.Marshal(v)
		require.NoError(t, err)
		out.Write(text)
		out.WriteString("\n")
	}
	for _, q := range []store.OrderQuery{
		{}, {ByAge: true}, {State: store.StatePending}, {State: store.StateAttention}, {State: store.StateExhausted}, {State: store.StateRetrying},
	} {
		for q.Limit = 7; ; {
			orders, next, err := s.List(t.Context(), q)
			require.NoError(t, err)
			for _, o := range orders {
				put(o)
				for _, a := range o.Approvals {
					put(a.Token.Reveal())
				}
			}
			if q.After = next; next == "" {
				break
			}
		}
		put("end of list")
	}
	stats, err := s.Stats(t.Context())
	require.NoError(t, err)
	put(stats)
	letters, err := s.ListDeadLetters(t.Context(), "", 100)
	require.NoError(t, err)
	for _, head := range letters {
		d, err := s.GetDeadLetter(t.Context(), head.ID)
		require.NoError(t, err)
		d.ID = ""
		put(d)
	}
	controls, err := s.Controls(t.Context())
	require.NoError(t, err)
	put(controls)
	return out.String()
}

func migration(from, to upkeep.Store, ring *keys.Ring) upkeep.Migration {
	return upkeep.Migration{
		From:     from,
		To:       to,
		Sealer:   ring,
		KeyID:    ring.PrimaryID(),
		Report:   func(store.Fault) {},
		Progress: func(string, int) {},
	}
}

func requireSound(t *testing.T, s upkeep.Store) {
	t.Helper()
	require.NoError(t, upkeep.Check(t.Context(), s, false, func(f store.Fault) { t.Errorf("%+v", f) }))
}

// TestRoundTrip moves a store from SQLite to DynamoDB and back: a worker sees the same, byte by byte.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	ring := keys.NewRing(start)
	first := newSQLite(t, ring)
	fill(t, first, rand.New(rand.NewPCG(1, 2)))
	requireSound(t, first)
	want := contentOf(t, first)
	table := newTable(t, ring)
	m := migration(first, table, ring)
	moved, err := m.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, 67, moved.Orders)
	require.Equal(t, 3, moved.DeadLetters)
	requireSound(t, table)
	require.Equal(t, want, contentOf(t, table))
	ids, err := table.KeyIDs(t.Context())
	require.NoError(t, err)
	require.Contains(t, ids, "an-old-key")
	require.Contains(t, ids, ring.PrimaryID())

	last := newSQLite(t, ring)
	m = migration(table, last, ring)
	back, err := m.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, moved.Summary, back.Summary)
	requireSound(t, last)
	require.Equal(t, want, contentOf(t, last))
	_, err = m.Run(t.Context())
	require.ErrorIs(t, err, store.ErrNotEmpty)
}

// interrupted is a store whose imports end after some records.
type interrupted struct {
	upkeep.Store
	left chan struct{}
}

func (s interrupted) ImportRecord(ctx context.Context, r store.RawRecord) error {
	select {
	case <-s.left:
		return s.Store.ImportRecord(ctx, r)
	default:
		return errors.New("interrupted")
	}
}

// TestInterrupted interrupts a migration. No worker starts on the target until a second one has completed it, also with
// what has changed in the source meanwhile.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T, name string, ring *keys.Ring, toFill bool) (upkeep.Store, error){
		"SQLite": func(t *testing.T, name string, ring *keys.Ring, toFill bool) (upkeep.Store, error) {
			t.Helper()
			s, err := sqlite.Open(t.Context(), sqlite.Config{Path: name, Sealer: ring, Import: toFill})
			return s, err
		},
		"DynamoDB": func(t *testing.T, name string, ring *keys.Ring, toFill bool) (upkeep.Store, error) {
			t.Helper()
			return openTable(t, "t-"+fmt.Sprintf("%x", name)[len(name):], ring, toFill)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ring := keys.NewRing(start)
			source := newSQLite(t, ring)
			fill(t, source, rand.New(rand.NewPCG(3, 4)))
			path := filepath.Join(t.TempDir(), "target.db")
			target, err := open(t, path, ring, true)
			require.NoError(t, err)
			some := interrupted{target, make(chan struct{}, 20)}
			for range 20 {
				some.left <- struct{}{}
			}
			m := migration(source, some, ring)
			_, err = m.Run(t.Context())
			require.ErrorContains(t, err, "the target is incomplete")
			require.NoError(t, target.Close())
			_, err = open(t, path, ring, false)
			require.ErrorContains(t, err, "is not complete: run store migrate again")

			require.NoError(t, source.Update(t.Context(), "a", func(o *approval.Order) error {
				*o = approval.Order{ID: o.ID}
				return nil
			}))
			want := contentOf(t, source)
			target, err = open(t, path, ring, true)
			require.NoError(t, err)
			m = migration(source, target, ring)
			moved, err := m.Run(t.Context())
			require.NoError(t, err)
			require.True(t, moved.Resumed)
			require.Equal(t, 66, moved.Orders)
			requireSound(t, target)
			require.Equal(t, want, contentOf(t, target))
			require.NoError(t, target.Close())
			target, err = open(t, path, ring, false)
			require.NoError(t, err)
			require.NoError(t, target.Close())
		})
	}
}

// TestWrongKeys refuses a source that the keys cannot open, before anything is written.
func TestWrongKeys(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "relay.db")
	ring := keys.NewRing(start)
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Sealer: ring})
	require.NoError(t, err)
	fill(t, s, rand.New(rand.NewPCG(5, 6)))
	require.NoError(t, s.Close())
	other := keys.NewRing(start)
	source, err := openSQLite(t, path, other, false)
	require.NoError(t, err)
	target := newSQLite(t, other)
	m := migration(source, target, other)
	faults := 0
	m.Report = func(store.Fault) { faults++ }
	_, err = m.Run(t.Context())
	require.ErrorContains(t, err, "68 orders and dead letters cannot be read: nothing was moved", "two have no token any more")
	require.Equal(t, 68, faults)
	resumed, err := target.BeginImport(t.Context())
	require.NoError(t, err)
	require.False(t, resumed, "nothing was written")
}
