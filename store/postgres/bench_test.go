package postgres

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/store/postgres/postgrestest"
)

// BenchmarkApproval stores approvals as the program does, with four updates each, on a server that waits for its disk. It
// reports the CPU time of this process and of the server.
func BenchmarkApproval(b *testing.B) {
	own := postgrestest.Run(b, postgrestest.Options{Fsync: true})
	for _, connections := range []int{4, 8} {
		for _, goroutines := range []int{1, 64} {
			b.Run(fmt.Sprintf("connections=%d/goroutines=%d", connections, goroutines), func(b *testing.B) {
				var commits atomic.Int64
				c := Config{
					Settings: Settings{
						URL:         secret.New(own.URL()),
						Schema:      fmt.Sprintf("b%d", schemaNumber.Add(1)),
						Connections: connections,
					},
					Sealer:  keys.NewRing(time.Now()),
					Observe: func(Commit) { commits.Add(1) },
				}
				c.SetDefaults(setup.Common{})
				s, err := Open(b.Context(), c)
				require.NoError(b, err)
				defer func() { _ = s.Close() }()
				pid, err := own.PID()
				require.NoError(b, err)
				ours, theirs := cpuOfThis(b), cpuOfServer(b, pid)
				var next atomic.Int64
				var group sync.WaitGroup
				b.ResetTimer()
				for range goroutines {
					group.Go(func() {
						for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
							if err := storeApproval(s, int(i)); err != nil {
								b.Error(err)
							}
						}
					})
				}
				group.Wait()
				b.StopTimer()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "approvals/s")
				b.ReportMetric(float64(commits.Load())/float64(b.N), "transactions/approval")
				b.ReportMetric((cpuOfThis(b)-ours).Seconds()*1e6/float64(b.N), "µs-here/approval")
				b.ReportMetric((cpuOfServer(b, pid)-theirs).Seconds()*1e6/float64(b.N), "µs-server/approval")
			})
		}
	}
}

// storeApproval stores an approval from its request to the end of its callback.
func storeApproval(s *Store, i int) error {
	ctx := context.Background()
	id := fmt.Sprintf("order-%08d", i)
	err := s.Update(ctx, id, func(o *approval.Order) error {
		_, _, err := o.AddRequest(approval.Request{
			Token: approval.NewToken(fmt.Sprintf("%0600d", i)), Target: "sfn", Workflow: fmt.Sprintf("w%d", i%10),
			Title: "Release the payment", Policy: approval.Policy{Kind: approval.PolicyAny}, Channels: []string{"email"},
			Approvers: []approval.Approver{{ID: "ann@example.com", Nonce: "n"}}, Deadline: start.Add(time.Hour + time.Duration(i)),
		}, approval.Environment{Now: start, Lease: time.Hour})
		return err
	})
	touch := func(o *approval.Order) error { o.Approvals[0].RemindersSent++; return nil }
	if err == nil {
		err = s.UpdateUnsynced(ctx, id, touch)
	}
	if err == nil {
		err = s.Update(ctx, id, func(o *approval.Order) error { o.Approvals[0].Status = approval.Approved; return nil })
	}
	if err == nil {
		err = s.UpdateUnsynced(ctx, id, touch)
	}
	return err
}

func cpuOfThis(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// cpuOfServer returns the CPU time of all processes of the server that run.
func cpuOfServer(b *testing.B, pid int) time.Duration {
	b.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(b, err)
	var ticks int64
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if fields[1] != strconv.Itoa(pid) {
			continue
		}
		for _, field := range fields[11:13] {
			n, err := strconv.ParseInt(field, 10, 64)
			require.NoError(b, err)
			ticks += n
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
