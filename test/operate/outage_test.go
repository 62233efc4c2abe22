package operate

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store/sqlite"
	"github.com/approval-relay/approval-relay/test/internal/overlay"
)

// dueCount returns the number of approvals that are due in an experiment. LONG=1 makes it the size of a large installation.
func dueCount() int {
	if os.Getenv("LONG") != "" {
		return 1_000_000
	}
	return 20_000
}

// TestStartWithManyDue starts a worker with very many approvals past their deadlines, as after a long outage. The worker is
// ready without reading them: its start allocates no more than with nothing due. A start that read them would allocate about
// a hundred objects for each. The sweeper and the heartbeats are not counted, because they begin their work at the same time.
// The age of the oldest due action shows that there are due actions.
func TestStartWithManyDue(t *testing.T) {
	t.Parallel()
	due := dueCount()
	noSweeper := overlay.Edit{File: "app/run.go", Old: "a.addSweeper(&parts)", New: ""}
	noHeart := overlay.Edit{File: "app/run.go", Old: "a.addHeart(&parts)", New: ""}
	nothing := newWorldWithDue(t, 0)
	many := newWorldWithDue(t, due)
	base := startCost(t, nothing, program(t, "start-only", noSweeper, noHeart))
	cost := startCost(t, many, program(t, "start-only", noSweeper, noHeart))
	t.Logf("%d due: %d allocations until ready, %d with nothing due", due, cost, base)
	require.Less(t, cost-base, 10*due)

	k := many.start(t, many.config(t, oneWorkflow))
	oldest, err := strconv.ParseFloat(k.metric(t, "approval_relay_oldest_due_timestamp_seconds"), 64)
	require.NoError(t, err)
	require.Greater(t, time.Since(time.Unix(int64(oldest), 0)), time.Hour)
	await(t, "the first deadlines are acted upon", func() bool {
		return k.metric(t, `approval_relay_approvals_timed_out_total{workflow="orders"}`) != "0"
	})
}

// startCost starts a worker and returns the objects that it has allocated until it was ready.
func startCost(t *testing.T, w *world, binary string) int {
	t.Helper()
	k := w.launch(t, binary, w.config(t, oneWorkflow))
	defer k.kill()
	k.awaitReady(t)
	allocations, err := strconv.ParseFloat(k.metric(t, "go_memstats_mallocs_total"), 64)
	require.NoError(t, err)
	return int(allocations)
}

// newWorldWithDue returns a world whose store has as many approvals past their deadlines.
func newWorldWithDue(t *testing.T, due int) *world {
	t.Helper()
	w := newWorld(t)
	w.aws.SQS.CreateQueue("orders")
	ring := keys.NewRing(time.Now())
	require.NoError(t, ring.CreateFile(filepath.Join(w.dir, "keys")))
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(w.dir, "relay.db"), Sealer: ring})
	require.NoError(t, err)
	then := time.Now().Add(-3 * time.Hour)
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(256)
	for i := range due {
		group.Go(func() error { return addDue(ctx, s, i, then) })
	}
	require.NoError(t, group.Wait())
	require.NoError(t, s.Close())
	return w
}

// addDue adds an approval whose approver has been told, and whose deadline has passed an hour later.
func addDue(ctx context.Context, s *sqlite.Store, i int, then time.Time) error {
	env := approval.Environment{Now: then, Lease: time.Minute}
	return s.Update(ctx, fmt.Sprintf("A-%d", i), func(o *approval.Order) error {
		_, begun, err := o.AddRequest(approval.Request{
			Token:             approval.NewToken(fmt.Sprintf("%0700d", i)),
			Target:            "stepfunctions",
			Workflow:          "orders",
			Policy:            approval.Policy{Kind: approval.PolicyAny},
			Channels:          []string{"log"},
			Approvers:         []approval.Approver{{ID: "ann@example.com", Nonce: "0123456789abcdef"}},
			Deadline:          then.Add(time.Hour),
			NotificationRetry: approval.RetrySchedule{Base: time.Second, Cap: time.Minute, MaxAge: time.Hour},
			Retention:         time.Hour,
		}, env)
		for _, message := range begun {
			o.RecordNotificationResult(message, approval.Result{Kind: approval.ResultOK}, env)
		}
		return err
	})
}
