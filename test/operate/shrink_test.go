package operate

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store/sqlite"
)

const (
	// endedOrders have a file of some 20 MB, and removedSize is its size when they are gone: the program keeps 4 MB of free pages.
	endedOrders = 2000
	removedSize = 8 << 20
)

// The file of a running worker shrinks when the retention of its orders has ended.
func TestFileShrinksAfterRetention(t *testing.T) {
	t.Parallel()
	w, file := newWorldWithEnded(t)
	before := sizeOf(t, file)
	k := w.start(t, w.config(t, oneWorkflow))
	awaitShrunk(t, k, file, before)
}

// The file of an earlier release keeps its free pages until it is compacted. It shrinks from then on.
func TestCompactedFileShrinksAfterRetention(t *testing.T) {
	t.Parallel()
	w, file := newWorldWithEnded(t)
	withFile(t, file, "PRAGMA auto_vacuum = 0", "VACUUM") // as files were before schema version 9
	c := w.config(t, oneWorkflow)
	k := w.start(t, c)
	awaitRemoved(t, k)
	k.terminate(t)
	require.NoError(t, k.awaitEnd(t))
	require.Greater(t, sizeOf(t, file), int64(removedSize), "free pages are kept")
	require.Contains(t, run(t, "store", "compact", c.path), file+": ")
	require.Less(t, sizeOf(t, file), int64(removedSize))

	ring, err := keys.LoadFile(filepath.Join(w.dir, "keys"))
	require.NoError(t, err)
	fillEnded(t, file, ring)
	before := sizeOf(t, file)
	awaitShrunk(t, w.start(t, c), file, before)
}

// awaitShrunk waits until the worker has removed all orders and its file has become smaller.
func awaitShrunk(t *testing.T, k *worker, file string, before int64) {
	t.Helper()
	require.Greater(t, before, int64(removedSize))
	awaitRemoved(t, k)
	await(t, "the file shrinks", func() bool { return sizeOf(t, file) < removedSize })
	k.terminate(t)
	require.NoError(t, k.awaitEnd(t))
	require.Contains(t, run(t, "store", "check", file, "--keys="+filepath.Join(filepath.Dir(file), "keys")), "is sound")
	t.Logf("%d bytes before, %d now", before, sizeOf(t, file))
}

// awaitRemoved waits until the worker has removed all orders.
func awaitRemoved(t *testing.T, k *worker) {
	t.Helper()
	await(t, "all orders are removed", func() bool {
		return k.metric(t, "approval_relay_oldest_due_timestamp_seconds") == ""
	})
	require.Equal(t, 0, strings.Count(k.command(t, "requests", "--state=all"), "A-"))
}

func sizeOf(t *testing.T, file string) int64 {
	t.Helper()
	info, err := os.Stat(file)
	require.NoError(t, err)
	return info.Size()
}

// newWorldWithEnded returns a world whose store has approvals that were answered, and whose retention has ended.
func newWorldWithEnded(t *testing.T) (w *world, file string) {
	t.Helper()
	w = newWorld(t)
	w.aws.SQS.CreateQueue("orders")
	ring := keys.NewRing(time.Now())
	require.NoError(t, ring.CreateFile(filepath.Join(w.dir, "keys")))
	file = filepath.Join(w.dir, "relay.db")
	fillEnded(t, file, ring)
	return w, file
}

// fillEnded adds the approvals to a file.
func fillEnded(t *testing.T, file string, ring *keys.Ring) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: file, Sealer: ring})
	require.NoError(t, err)
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(256)
	for i := range endedOrders {
		group.Go(func() error { return addEnded(ctx, s, i, time.Now().Add(-3*time.Hour)) })
	}
	require.NoError(t, group.Wait())
	require.NoError(t, s.Close())
}

// addEnded adds an approval that was cancelled hours ago, with 10 kB of details, and a retention of an hour.
func addEnded(ctx context.Context, s *sqlite.Store, i int, then time.Time) error {
	env := approval.Environment{Now: then, Lease: time.Minute}
	return s.Update(ctx, fmt.Sprintf("A-%d", i), func(o *approval.Order) error {
		id, begun, err := o.AddRequest(approval.Request{
			Token:             approval.NewToken(fmt.Sprintf("%0700d", i)),
			Target:            "stepfunctions",
			Workflow:          "orders",
			Details:           []approval.Field{{Name: "note", Value: strings.Repeat(fmt.Sprint(i), 3000)}},
			Policy:            approval.Policy{Kind: approval.PolicyAny},
			Channels:          []string{"log"},
			Approvers:         []approval.Approver{{ID: "ann@example.com", Nonce: "0123456789abcdef"}},
			Deadline:          then.Add(time.Hour),
			CallbackRetry:     approval.RetrySchedule{Base: time.Second, Cap: time.Minute, MaxAge: time.Hour},
			NotificationRetry: approval.RetrySchedule{Base: time.Second, Cap: time.Minute, MaxAge: time.Hour},
			Retention:         time.Hour,
		}, env)
		if err != nil {
			return err
		}
		for _, message := range begun {
			o.RecordNotificationResult(message, approval.Result{Kind: approval.ResultOK}, env)
		}
		_, _, err = o.Decide(approval.Decision{
			ID:         "d",
			ApprovalID: id,
			Outcome:    approval.Approve,
			By:         "ann@example.com",
			Via:        approval.ViaAPI,
			Source:     "api",
			ReceivedAt: then,
		}, approval.UnmatchedRetention{WaitFor: time.Hour, ShowExpiredFor: time.Hour}, env)
		answer := approval.Action{OrderID: o.ID, ApprovalID: id, Attempt: 1}
		o.RecordCallbackResult(answer, approval.Result{Kind: approval.ResultOK}, env)
		return err
	})
}

// withFile executes statements on a SQLite file that is not in use.
func withFile(t *testing.T, file string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	c, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	for _, statement := range statements {
		_, err := c.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
}
