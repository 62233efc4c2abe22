package ledger

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// limitFileSize sets the greatest size of the running program's files. So the disk seems full, or has space again.
func (w *world) limitFileSize(most uint64) error {
	return unix.Prlimit(w.currentProcess().cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: most, Max: unix.RLIM_INFINITY}, nil)
}

// TestDiskFull shows that on a full disk the program acknowledges only stored requests and is not ready, and that it
// continues without help when the disk has space again.
func TestDiskFull(t *testing.T) {
	w := newWorld(t, binaryUnderTest(t), settings{})
	if err := w.startProgram(); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var all []*scenario // acknowledged
	refused := 0
	ask := func(from, to int) {
		var group errgroup.Group
		group.SetLimit(16)
		for i := from; i < to; i++ {
			group.Go(func() error {
				s := &scenario{
					order:   fmt.Sprintf("F-%d", i),
					way:     "api",
					outcome: "approve",
					token:   w.aws.StepFunctions.OpenTask(time.Hour, 0),
				}
				body := fmt.Sprintf(`{"orderId":%q,"taskToken":%q,"note":%q}`, s.order, s.token, strings.Repeat("x", 500))
				status, _, err := w.callOnce(t.Context(), "POST", w.requestURL("orders"), askToken, body)
				mu.Lock()
				defer mu.Unlock()
				if err == nil && status == http.StatusAccepted {
					all = append(all, s)
				} else {
					refused++
				}
				return nil
			})
		}
		_ = group.Wait() // the goroutines count their failures
	}
	ask(0, 100)
	if refused > 0 {
		t.Fatalf("%d were refused before the disk was full", refused)
	}
	log, err := os.Stat(w.databasePath() + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.limitFileSize(uint64(log.Size()) + 200_000); err != nil {
		t.Fatal(err)
	}
	ask(100, 600)
	if refused == 0 {
		t.Fatal("the disk was not full")
	}
	stored := len(all)
	if w.isReady() {
		t.Error("it is ready although the disk is full")
	}
	// A message of the queue must stay in the queue meanwhile.
	late := &scenario{
		order:   "F-queued",
		way:     "api",
		outcome: "approve",
		token:   w.aws.StepFunctions.OpenTask(time.Hour, 0),
	}
	if err := late.sendRequest(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	if waiting, _ := w.aws.SQS.CountMessages("orders"); waiting != 1 {
		t.Errorf("%d messages wait in the queue, want 1", waiting)
	}
	if err := w.limitFileSize(unix.RLIM_INFINITY); err != nil {
		t.Fatal(err)
	}
	if !waitUntil(90*time.Second, w.isReady) {
		t.Fatal("it does not recover")
	}
	ask(600, 700)
	all = append(all, late)
	var v violations
	for _, s := range all {
		if err := s.sendDecision(t.Context(), w, "api", "approve", 200, 202); err != nil {
			v.addf("%v", err)
		}
	}
	w.waitUntilDrained(all, 90*time.Second, &v)
	w.checkRecords(all, &v)
	w.checkDatabase(&v)
	t.Logf("%d acknowledged, %d of them before the disk was free again, %d refused", len(all), stored, refused)
	reportViolations(t, v)
}
