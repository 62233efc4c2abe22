package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
)

// benchOrders is the number of orders that the updates use.
const benchOrders = 1000

// benchStore opens a store and counts its commits.
func benchStore(b *testing.B) (*Store, *atomic.Int64) {
	b.Helper()
	var commits atomic.Int64
	s, err := Open(b.Context(), Config{
		Path: filepath.Join(b.TempDir(), "orders.db"), Sealer: keys.NewRing(time.Now()), Observe: func(Commit) { commits.Add(1) },
	})
	require.NoError(b, err)
	b.Cleanup(func() { _ = s.Close() })
	return s, &commits
}

// openFilled returns a store with that many orders, each with a pending approval.
func openFilled(b *testing.B, orders int) (*Store, *atomic.Int64) {
	b.Helper()
	s, commits := benchStore(b)
	var group sync.WaitGroup
	for w := range maxBatch {
		group.Go(func() {
			for i := w; i < orders; i += maxBatch {
				if err := s.Update(context.Background(), orderName(i), benchRequest(i)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	group.Wait()
	_, err := s.conn.ExecContext(b.Context(), "PRAGMA wal_checkpoint(TRUNCATE)")
	require.NoError(b, err)
	commits.Store(0)
	return s, commits
}

var benchStart = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func benchRequest(i int) func(*approval.Order) error {
	return func(o *approval.Order) error {
		_, _, err := o.AddRequest(approval.Request{
			Token: approval.NewToken(fmt.Sprintf("%0600d", i)), Target: "sfn", Workflow: fmt.Sprintf("w%d", i%10),
			Title: "Release the payment", Policy: approval.Policy{Kind: approval.PolicyAny}, Channels: []string{"email"},
			Approvers: []approval.Approver{{ID: "ann@example.com", Nonce: "n"}}, Deadline: benchStart.Add(time.Hour + time.Duration(i)),
		}, approval.Environment{Now: benchStart, Lease: time.Hour})
		return err
	}
}

// touchRecord is the smallest transition that changes the record.
func touchRecord(o *approval.Order) error {
	o.Approvals[0].RemindersSent++
	return nil
}

func BenchmarkUpdate(b *testing.B) {
	for _, goroutines := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("goroutines=%d", goroutines), func(b *testing.B) {
			s, commits := openFilled(b, benchOrders)
			var next atomic.Int64
			var group sync.WaitGroup
			b.ResetTimer()
			for range goroutines {
				group.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						if err := s.Update(context.Background(), orderName(int(i)%benchOrders), touchRecord); err != nil {
							b.Error(err)
						}
					}
				})
			}
			group.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "updates/s")
			b.ReportMetric(float64(commits.Load())/float64(b.N), "commits/update")
		})
	}
}

func BenchmarkReads(b *testing.B) {
	for _, pending := range []int{10, 100_000} {
		b.Run(fmt.Sprintf("pending=%d", pending), func(b *testing.B) {
			s, _ := openFilled(b, pending)
			now := benchStart.Add(2 * time.Hour)
			b.Run("Get", func(b *testing.B) {
				for i := range b.N {
					_, err := s.Get(b.Context(), orderName(i%pending))
					require.NoError(b, err)
				}
			})
			b.Run("Claim none due", func(b *testing.B) {
				for range b.N {
					ids, err := s.Claim(b.Context(), benchStart, 256, time.Second)
					require.NoError(b, err)
					require.Empty(b, ids)
				}
			})
			b.Run("Claim 10 due", func(b *testing.B) {
				for range b.N {
					now = now.Add(time.Second) // after the end of the last leases
					ids, err := s.Claim(b.Context(), now, 10, time.Second)
					require.NoError(b, err)
					require.Len(b, ids, 10)
				}
			})
			b.Run("List 50 by age, from the middle", func(b *testing.B) {
				q := store.OrderQuery{ByAge: true, Limit: 50, After: store.AgeCursor{Since: benchStart, OrderID: orderName(pending / 2)}.String()}
				for range b.N {
					orders, _, err := s.List(b.Context(), q)
					require.NoError(b, err)
					require.NotEmpty(b, orders)
				}
			})
			b.Run("Stats", func(b *testing.B) {
				for range b.N {
					stats, err := s.Stats(b.Context())
					require.NoError(b, err)
					require.Len(b, stats.Workflows, 10)
				}
			})
		})
	}
}
