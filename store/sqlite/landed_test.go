package sqlite

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
)

// TestLandedSchemas upgrades files of every schema since the first commit, also files that a later program had left half
// upgraded. scripts/landed-schemas made the files with the programs of their time. Their orders are all there,
// and live on to their ends.
func TestLandedSchemas(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "landed", "*.db.gz"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 18)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".db.gz")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join("testdata", "landed", "keys.txt"))
			require.NoError(t, err)
			ring, err := keys.ParseFile(text)
			require.NoError(t, err)
			path := newPath(t)
			unpack(t, file, path)
			before, version := schemaOfFile(t, path)
			require.Equal(t, versionInName(t, name), version)
			s := open(t, Config{Path: path, Sealer: ring})

			requireLandedOrders(t, s)
			continueLandedOrders(t, s)
			require.NoError(t, s.Close())
			after, version := schemaOfFile(t, path)
			require.Equal(t, len(schemaMigrations()), version)
			require.Empty(t, subtract(latestSchema(t), after))
			if s.UpgradeCopy() != "" {
				copied, _ := schemaOfFile(t, s.UpgradeCopy())
				require.Equal(t, before, copied)
			}
			requireDelivered(t, open(t, Config{Path: path, Sealer: ring}), "owed")
		})
	}
}

// versionInName returns the schema version of a file, with which its name begins.
func versionInName(t *testing.T, name string) int {
	t.Helper()
	digits, _, found := strings.Cut(name, "-")
	require.True(t, found, name)
	version, err := strconv.Atoi(digits)
	require.NoError(t, err)
	return version
}

func TestVersionInName(t *testing.T) {
	t.Parallel()
	require.Equal(t, 9, versionInName(t, "9-binary"))
	require.Equal(t, 10, versionInName(t, "10-stuck-no-leases-2"))
}

func unpack(t *testing.T, file, to string) {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	b, err := io.ReadAll(z)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, b, 0o600))
}

// landedAt is the time at which the orders of the files were made, and landedTime a time after their upgrade.
var (
	landedAt   = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	landedTime = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
)

func requireLandedOrders(t *testing.T, s *Store) {
	t.Helper()
	orders, next, err := s.List(t.Context(), store.OrderQuery{Limit: 100})
	require.NoError(t, err)
	require.Empty(t, next)
	var ids []string
	for _, o := range orders {
		ids = append(ids, o.ID)
		for i, a := range o.Approvals {
			step := map[string]string{"half": "both", "two steps": []string{"first", "second"}[min(i, 1)]}[o.ID]
			if step == "" {
				step = "release"
			}
			require.Equal(t, "Order of 12 chairs", a.Title)
			require.Equal(t, step, a.Step)
			require.Equal(t, []string{"ann@example.com", "ben@example.com"}, []string{a.Approvers[0].ID, a.Approvers[1].ID})
			require.Equal(t, "token of "+o.ID+" "+step, a.Token.Reveal())
			require.Equal(t, landedAt, a.RequestedAt)
		}
	}
	require.Equal(t, []string{
		"early", "exhausted", "half", "overdue", "owed", "pending", "rejected", "retrying", "two steps",
	}, ids)
	byAge, _, err := s.List(t.Context(), store.OrderQuery{ByAge: true})
	require.NoError(t, err)
	require.Len(t, byAge, 4)
	pending, _, err := s.List(t.Context(), store.OrderQuery{State: store.StatePending})
	require.NoError(t, err)
	require.Len(t, pending, 4)
	exhausted, _, err := s.List(t.Context(), store.OrderQuery{State: store.StateExhausted})
	require.NoError(t, err)
	require.Len(t, exhausted, 1)
	stats, err := s.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, store.WorkflowStats{Pending: 5, Oldest: landedAt}, stats.Workflows["orders"])
	require.Equal(t, 1, stats.Exhausted)
	letters, err := s.ListDeadLetters(t.Context(), "", 10)
	require.NoError(t, err)
	require.Len(t, letters, 1)
	letter, err := s.GetDeadLetter(t.Context(), letters[0].ID)
	require.NoError(t, err)
	require.Equal(t, "{}", string(letter.Body))
}

// continueLandedOrders does with each order what comes next.
func continueLandedOrders(t *testing.T, s *Store) {
	t.Helper()
	due, err := s.Claim(t.Context(), landedTime, 100, time.Minute)
	require.NoError(t, err)
	require.Subset(t, due, []string{"overdue", "owed", "rejected"})

	decide := func(id, by, step string) {
		mustUpdate(t, s, id, func(o *approval.Order) error {
			v, _, err := o.Decide(approval.Decision{
				ID: "new-" + by, Outcome: approval.Approve, By: by, Principal: by, Via: approval.ViaLink, ReceivedAt: landedTime, Step: step,
			}, approval.UnmatchedRetention{}, landedEnvironment())
			require.Equal(t, approval.VerdictDecided, v.Code, id)
			return err
		})
	}
	decide("pending", "ben@example.com", "")
	decide("half", "ben@example.com", "")
	decide("two steps", "ann@example.com", "second")
	mustUpdate(t, s, "early", func(o *approval.Order) error {
		r := approval.Request{
			Token: approval.NewToken("token of early release"), Target: "sfn", Workflow: "orders",
			Policy: approval.Policy{Kind: approval.PolicyAny}, Approvers: []approval.Approver{{ID: "ann@example.com"}},
			CallbackRetry: approval.RetrySchedule{Base: time.Second, Cap: time.Minute, MaxAge: time.Hour},
			Deadline:      landedTime.Add(time.Hour), Retention: time.Hour,
		}
		_, _, err := o.AddRequest(r, landedEnvironment())
		require.Equal(t, approval.Approved, o.Approvals[0].Status)
		return err
	})
	mustUpdate(t, s, "exhausted", func(o *approval.Order) error {
		done, _ := o.RedriveCallback(o.Approvals[0].ID, approval.Actor{Principal: "op"}, 10, landedEnvironment())
		require.True(t, done)
		return nil
	})
	for id, status := range map[string]approval.Status{
		"pending": approval.Approved, "half": approval.Approved, "two steps": approval.Approved, "owed": approval.Approved,
		"early": approval.Approved, "exhausted": approval.Approved, "rejected": approval.Rejected, "overdue": approval.TimedOut,
	} {
		answer(t, s, id)
		o := requireDelivered(t, s, id)
		require.Equal(t, status, o.Approvals[len(o.Approvals)-1].Status, id)
	}
	stats, err := s.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, stats.Workflows["orders"].Pending, "the first of two steps")
	require.Zero(t, stats.Exhausted)
}

func landedEnvironment() approval.Environment {
	return approval.Environment{Now: landedTime, Lease: time.Minute}
}

// answer carries out the callback of an order.
func answer(t *testing.T, s *Store, id string) {
	t.Helper()
	mustUpdate(t, s, id, func(o *approval.Order) error {
		env := landedEnvironment()
		env.Now = env.Now.Add(2 * time.Minute) // the leases of actions that were begun before have ended
		for _, action := range o.Advance(env) {
			if action.Kind == approval.ActionCallback {
				_, ok := o.CurrentAnswer(action, env.Now)
				require.True(t, ok, id)
				o.RecordCallbackResult(action, approval.Result{Kind: approval.ResultOK}, env)
			}
		}
		return nil
	})
}

func requireDelivered(t *testing.T, s *Store, id string) *approval.Order {
	t.Helper()
	o, err := s.Get(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, approval.CallbackDelivered, o.Approvals[len(o.Approvals)-1].Callback.State, id)
	return o
}
