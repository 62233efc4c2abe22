package ledger

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/approval-relay/approval-relay/test/emulator"
	"github.com/approval-relay/approval-relay/test/internal/overlay"
)

// point is a place in the program at which the program kills itself once: before or after a store write or a call, with
// or without a waiting caller.
type point struct {
	name   string
	file   string
	before string
	after  string
	rare   bool
	// postgres is set for a place that only a worker with a store in PostgreSQL passes.
	postgres bool
}

// afterKill is the point that a process passes only after another process was killed.
const afterKill = "adopted, not begun"

// points lists the places, in the order of an approval's way.
func points() []point {
	return []point{
		crashBefore("received, not handed out", "sqs/poller.go", "s.observer.ReceiveSucceeded(len(out.Messages))\n"),
		crashBefore("changed, not committed", "store/sqlite/writer.go", `if _, err = s.stmts.commit.exec(); err != nil {`),
		crashBefore("committed, result not returned", "store/sqlite/writer.go", "s.vacuum.written()\n\treturn s.sync.finish()\n"),
		onPostgres(crashBefore("changed, not sent to PostgreSQL", "store/postgres/batch.go", "done, existing, err := b.store.runWrite(ctx, t)\n")),
		onPostgres(crashAfter("committed by PostgreSQL, result not returned", "store/postgres/batch.go",
			"done, existing, err := b.store.runWrite(ctx, t)\n")),
		crashBefore("result returned, actions not dispatched", "handlers/transition.go", "t.Dispatch.Dispatch(ctx, r.actions)\n"),
		crashAfter("actions dispatched, message not acknowledged", "handlers/transition.go", "t.Dispatch.Dispatch(ctx, r.actions)\n"),
		crashBefore("acknowledged, not deleted", "sqs/deleter.go", "out, err := s.api.DeleteMessageBatch("),
		crashBefore("deleted, answer not read", "sqs/deleter.go",
			"if err != nil || out == nil {\n\t\ts.observer.DeleteCalled(0)"),
		crashBefore("about to notify", "handlers/notification.go", "return \"\", channel.Sender.Notify(ctx, m)\n"),
		crashInstead("notified, not recorded", "handlers/notification.go", "return \"\", channel.Sender.Notify(ctx, m)\n",
			"err = channel.Sender.Notify(ctx, m)\n\tCRASH\n\treturn \"\", err\n"),
		crashBefore("about to answer", "handlers/callback.go", "return target.Deliver(ctx, answer)\n"),
		crashInstead("answered, not recorded", "handlers/callback.go", "return target.Deliver(ctx, answer)\n",
			"err := target.Deliver(ctx, answer)\n\tCRASH\n\treturn err\n"),
		rarely(crashInstead("claimed, not advanced", "router/sweeper.go", "slots -= s.start(ctx, claimed)\n",
			"if len(claimed) > 0 {\n\tCRASH\n\t}\n\tslots -= s.start(ctx, claimed)\n")),
		crashBefore("handled, answer not sent", "api/ingress.go", "writeAnswer(w, r, fate.Body, fate.Err)\n"),
		crashBefore("refused, dead letter not stored", "router/deadletter.go", "if _, putErr := s.DeadLetters.PutDeadLetter("),
		crashBefore("dead letter stored, message still in its queue", "router/deadletter.go",
			"o.DeadLettered(s.Name)\n\t\t\tlog.LogAttrs(ctx, slog.LevelError, \"dead letter\""),
		rarely(crashInstead(afterKill, "router/orphans.go",
			"ids, err := s.Orphans(ctx)\n",
			"ids, err := s.Orphans(ctx)\n\tif len(ids) > 0 {\n\tCRASH\n\t}\n")),
	}
}

// crashBefore returns a point before a piece of source text.
func crashBefore(name, file, text string) point {
	return crashInstead(name, file, text, "CRASH\n"+text)
}

// crashAfter returns a point after a piece of source text.
func crashAfter(name, file, text string) point {
	return crashInstead(name, file, text, strings.TrimSuffix(text, "\n")+"\nCRASH\n")
}

// crashInstead returns a point that replaces a piece of source text. The process ends at the mark CRASH.
func crashInstead(name, file, text, replacement string) point {
	return point{
		name:   name,
		file:   file,
		before: text,
		after:  replacement,
	}
}

// rarely marks a point that a run passes only a few times.
func rarely(p point) point {
	p.rare = true
	return p
}

// onPostgres marks a point that only a worker with a store in PostgreSQL passes.
func onPostgres(p point) point {
	p.postgres = true
	return p
}

// crashSource is the source of the package that the points call. It kills the process when it passes the point that the
// environment names for the nth time, unless an earlier process has ended there.
const crashSource = `package crash

import (
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
)

var passed atomic.Int64

func At(point string) {
	if point != os.Getenv("CRASH_AT") {
		return
	}
	if nth, _ := strconv.ParseInt(os.Getenv("CRASH_NTH"), 10, 64); passed.Add(1) != nth {
		return
	}
	f, err := os.OpenFile(os.Getenv("CRASH_ONCE"), os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return
	}
	f.Close()
	syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}
`

// buildWithCrashPoints builds the program with all points.
func buildWithCrashPoints(t *testing.T) string {
	t.Helper()
	edits := []overlay.Edit{{File: "internal/crash/crash.go", New: crashSource}}
	imported := map[string]bool{}
	for _, p := range points() {
		if !imported[p.file] {
			clause := "package " + filepath.Base(filepath.Dir(p.file)) + "\n"
			edits = append(edits, overlay.Edit{
				File: p.file, Old: clause, New: clause + "\nimport \"github.com/approval-relay/approval-relay/internal/crash\"\n",
			})
			imported[p.file] = true
		}
		call := fmt.Sprintf("crash.At(%q)", p.name)
		edits = append(edits, overlay.Edit{File: p.file, Old: p.before, New: strings.ReplaceAll(p.after, "CRASH", call)})
	}
	bin, err := overlay.Build(t.TempDir(), "cmd/approval-relay", edits...)
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// TestCrashPoints kills the process at each point, at the first pass and at a later pass. The records must be correct
// each time.
func TestCrashPoints(t *testing.T) {
	bin := buildWithCrashPoints(t)
	var group errgroup.Group
	group.SetLimit(8) // runs mostly wait, so more than the number of processors
	for _, p := range points() {
		for _, nth := range p.passNumbers() {
			group.Go(func() error {
				t.Run(fmt.Sprintf("%s, %d", p.name, nth), func(t *testing.T) { runCrashAt(t, bin, p, nth) })
				return nil
			})
		}
	}
	_ = group.Wait() // the subtests report their failures
}

// passNumbers returns the passes at which the process ends: the first, and a later pass if it is sure to occur.
func (p point) passNumbers() []int {
	if p.rare {
		return []int{1}
	}
	return []int{1, 7}
}

func runCrashAt(t *testing.T, bin string, p point, nth int) {
	t.Helper()
	once := filepath.Join(t.TempDir(), "crashed")
	s := settings{
		drainLimit: time.Minute,
		env:        []string{"CRASH_AT=" + p.name, fmt.Sprintf("CRASH_NTH=%d", nth), "CRASH_ONCE=" + once},
	}
	if p.postgres {
		s.database = startPostgres(t)
	}
	w := newWorld(t, bin, s)
	w.aws.SQS.SetFaults(emulator.SQSFaults{Duplicate: 0.2, Shuffle: 0.3})
	if p.name == afterKill {
		w.aws.StepFunctions.SetFaults(emulator.Faults{Latency: time.Second}) // answers are under way at most moments
		go w.killUntilCrashed(once)
	}
	w.addStories(len(storyKinds()))
	v := w.runWithRestarts(planScenarios(40, w.aws.StepFunctions))
	if _, err := os.Stat(once); err != nil {
		v.addf("it did not crash at all")
	}
	reportViolations(t, v)
}

// killUntilCrashed kills the program while it works, until it has crashed at its next start. It tries several times,
// because a process without running actions leaves no orphans.
func (w *world) killUntilCrashed(crashed string) {
	for range 8 {
		if !waitUntil(time.Minute, w.isReady) {
			return
		}
		time.Sleep(200 * time.Millisecond)
		if _, err := os.Stat(crashed); err == nil {
			return
		}
		w.killProgram()
	}
}

// runWithRestarts runs the scenarios and restarts the program after each crash. It also sends bad requests, for the
// points about dead letters.
func (w *world) runWithRestarts(all []*scenario) (v violations) {
	w.badRequests = 10
	ctx, cancel := context.WithCancel(context.Background())
	again := make(chan struct{})
	go func() { // as an orchestrator does
		defer close(again)
		for ctx.Err() == nil {
			if err := w.startProgram(); err != nil { // the program may crash before it is ready
				w.tb.Log(err)
				continue
			}
			select {
			case <-ctx.Done():
			case <-w.currentProcess().done:
			}
		}
	}()
	for i := range w.badRequests {
		w.aws.SQS.PutMessage("orders", fmt.Sprintf(`{"number":%d}`, i), nil)
	}
	if err := w.runScenarios(ctx, all, time.Second); err != nil {
		v.addf("%v", err)
	}
	w.waitUntilDrained(all, w.settings.drainLimit, &v)
	cancel()
	<-again
	w.checkRecords(all, &v)
	w.checkDatabase(&v)
	return v
}
