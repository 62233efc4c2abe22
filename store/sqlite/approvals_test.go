package sqlite

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
)

// BenchmarkApprovals carries out the four updates of whole approvals, as the handlers do: the ends of the two attempts are
// unsynced. It reports what each of them costs, on a file on the disk in TMPDIR.
func BenchmarkApprovals(b *testing.B) {
	for _, goroutines := range []int{1, 64} {
		b.Run(fmt.Sprintf("at-once=%d", goroutines), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "orders.db")
			var commits atomic.Int64
			s, err := Open(b.Context(), Config{
				Path: path, Sealer: keys.NewRing(time.Now()), Observe: func(Commit) { commits.Add(1) },
			})
			require.NoError(b, err)
			var next atomic.Int64
			var group sync.WaitGroup
			var ends errgroup.Group
			before, cpu := writtenBytes(b), usedCPU(b)
			b.ResetTimer()
			for range goroutines {
				group.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						if err := wholeApproval(b.Context(), s, &ends, fmt.Sprintf("order-%s-%d", rand.Text()[:4], i)); err != nil {
							b.Error(err)
						}
					}
				})
			}
			group.Wait()
			require.NoError(b, ends.Wait())
			b.StopTimer()
			n := float64(b.N)
			b.ReportMetric(float64((usedCPU(b)-cpu).Microseconds())/n, "µs-CPU/op")
			b.ReportMetric(float64(commits.Load())/n, "commits/op")
			b.ReportMetric(float64(writtenBytes(b)-before)/n, "B-written/op")
			b.ReportMetric(n/b.Elapsed().Seconds(), "approvals/s")
			require.NoError(b, s.Close())
			b.ReportMetric(float64(writtenBytes(b)-before)/n, "B-written-closed/op")
			info, err := os.Stat(path)
			require.NoError(b, err)
			b.ReportMetric(float64(info.Size())/n, "B-file/op")
		})
	}
}

func usedCPU(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// writtenBytes returns the bytes that this process has caused to be written to the disk.
func writtenBytes(b *testing.B) int64 {
	b.Helper()
	text, err := os.ReadFile("/proc/self/io")
	require.NoError(b, err)
	_, after, _ := strings.Cut(string(text), "\nwrite_bytes: ")
	var n int64
	_, err = fmt.Sscan(after, &n)
	require.NoError(b, err)
	return n
}

func wholeApproval(ctx context.Context, s *Store, ends *errgroup.Group, order string) error {
	env := func() approval.Environment { return approval.Environment{Now: time.Now(), Lease: 30 * time.Second} }
	var actions []approval.Action
	token := make([]byte, 525)
	_, _ = rand.Read(token)
	err := s.Update(ctx, order, func(o *approval.Order) (err error) {
		_, actions, err = o.AddRequest(approval.Request{
			Token:             approval.NewToken(base64.StdEncoding.EncodeToString(token)),
			Target:            "stepfunctions",
			Workflow:          "orders",
			Details:           []approval.Field{{Name: "amount", Value: "12.5"}},
			Policy:            approval.Policy{Kind: approval.PolicyAny},
			MinAssurance:      "link",
			Channels:          []string{"hook"},
			Approvers:         []approval.Approver{{ID: "ann@example.com", Nonce: rand.Text()[:16]}},
			Deadline:          time.Now().Add(24 * time.Hour),
			CallbackRetry:     approval.RetrySchedule{Base: 500 * time.Millisecond, Cap: time.Minute, MaxAge: 24 * time.Hour},
			NotificationRetry: approval.RetrySchedule{Base: 2 * time.Second, Cap: 5 * time.Minute, MaxAge: 6 * time.Hour},
			Retention:         30 * 24 * time.Hour,
		}, env())
		return err
	})
	if err != nil || len(actions) != 1 {
		return fmt.Errorf("%d actions: %w", len(actions), err)
	}
	notify := actions[0]
	ends.Go(func() error { // the approver may decide before the end of the message is stored
		return s.UpdateUnsynced(ctx, order, func(o *approval.Order) error {
			o.RecordNotificationResult(notify, approval.Result{Kind: approval.ResultOK}, env())
			return nil
		})
	})
	err = s.Update(ctx, order, func(o *approval.Order) (err error) {
		_, actions, err = o.Decide(approval.Decision{
			ID: "d-" + order, Outcome: approval.Approve, By: "ann@example.com", Via: approval.ViaAPI, Source: "api", ReceivedAt: time.Now(),
		}, approval.UnmatchedRetention{WaitFor: time.Hour, ShowExpiredFor: time.Hour}, env())
		return err
	})
	if err != nil || len(actions) != 1 {
		return fmt.Errorf("%d actions: %w", len(actions), err)
	}
	answer := actions[0]
	ends.Go(func() error { // the workflow goes on meanwhile
		return s.UpdateUnsynced(ctx, order, func(o *approval.Order) error {
			o.RecordCallbackResult(answer, approval.Result{Kind: approval.ResultOK}, env())
			return nil
		})
	})
	return nil
}
