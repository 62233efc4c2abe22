package ledger

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// TestBacklog stores many approvals and then sends many decisions at once. Memory must stay bounded, and the API must
// answer meanwhile.
func TestBacklog(t *testing.T) {
	w := newWorld(t, binaryUnderTest(t), settings{})
	if err := w.startProgram(); err != nil {
		t.Fatal(err)
	}
	requests, decisions := chooseSize(50000, 3000), chooseSize(20000, 1200)
	all := make([]*scenario, requests)
	var group errgroup.Group
	group.SetLimit(48)
	for i := range all {
		all[i] = &scenario{
			order:    fmt.Sprintf("B-%d", i),
			overHTTP: i%2 == 0,
			way:      []string{"topic", "webhook", "api"}[i%3],
			outcome:  "approve",
			token:    w.aws.StepFunctions.OpenTask(time.Hour, 0),
		}
		group.Go(func() error { return all[i].sendRequest(t.Context(), w) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	var v violations
	if !waitUntil(2*time.Minute, func() bool { n, _ := w.aws.SQS.CountMessages("orders"); return n == 0 }) {
		v.addf("the requests are not taken in")
	}
	began := time.Now()
	var asked, slowest atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	watched := make(chan violations, 1)
	go func() { // an operator lists orders repeatedly
		var v violations
		defer func() { watched <- v }()
		for ctx.Err() == nil {
			at := time.Now()
			list := "http://" + w.operator + "/v1/orders?state=pending&limit=100"
			status, _, err := w.callOnce(t.Context(), "GET", list, operatorToken, "")
			if err != nil || status != http.StatusOK {
				v.addf("the API answers %d %v", status, err)
				return
			}
			slowest.Store(max(slowest.Load(), int64(time.Since(at))))
			asked.Add(1)
			pauseFor(ctx, 100*time.Millisecond)
		}
	}()
	for _, s := range all[:decisions] {
		group.Go(func() error { return s.sendDecision(t.Context(), w, s.way, s.outcome, 200) })
	}
	if err := group.Wait(); err != nil {
		v.addf("%v", err)
	}
	w.waitUntilDrained(all[:decisions], 3*time.Minute, &v)
	took := time.Since(began)
	cancel()
	v = append(v, <-watched...)
	most := w.peakMemory()
	t.Logf("%d approvals stored, %d decided and answered in %.1f s; peak memory %d MiB; the API answered %d times, at most in %s",
		requests, decisions, took.Seconds(), most>>20, asked.Load(), time.Duration(slowest.Load()).Round(time.Millisecond))
	if most > 256<<20 {
		v.addf("%d MiB of memory", most>>20)
	}
	w.checkRecords(all[:min(decisions, 500)], &v)
	w.checkDatabase(&v)
	reportViolations(t, v)
}

// peakMemory returns the greatest amount of memory that the process has used.
func (w *world) peakMemory() int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.currentProcess().cmd.Process.Pid))
	if err != nil {
		w.tb.Fatal(err)
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		w.tb.Fatal("no VmHWM")
	}
	kib, _ := strconv.Atoi(string(m[1]))
	return kib << 10
}
