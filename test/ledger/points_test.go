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

// point is a place in the program at which it kills itself, once: before or
// after a store write or a call, while somebody waits for it or nobody does.
type point struct {
	name, file, before, after string
	once                      bool // it is passed once, or hardly more
}

// afterKill is the point that a process passes only after another was killed.
const afterKill = "adopted, not begun"

// points lists the places. The mark CRASH stands where the process ends.
func points() []point {
	at := func(name, file, before, after string) point {
		return point{name: name, file: file, before: before, after: after}
	}
	rarely := func(p point) point { p.once = true; return p }
	return []point{
		at("received, not handed out", "sqs/poll.go", "	s.observer.Received(len(out.Messages))\n", "	CRASH\n	s.observer.Received(len(out.Messages))\n"),
		at("changed, not committed", "store/sqlite/writer.go", `	_, err = s.conn.ExecContext(ctx, "COMMIT")`, `	CRASH
	_, err = s.conn.ExecContext(ctx, "COMMIT")`),
		at("committed, nobody told", "store/sqlite/writer.go", `	_, err = s.conn.ExecContext(ctx, "COMMIT")`, `	_, err = s.conn.ExecContext(ctx, "COMMIT")
	CRASH`),
		at("told, not handed to anybody", "handlers/transition.go", "	t.Dispatch.Dispatch(ctx, actions)\n", "	CRASH\n	t.Dispatch.Dispatch(ctx, actions)\n"),
		at("handed out, message not acknowledged", "handlers/transition.go", "	t.Dispatch.Dispatch(ctx, actions)\n", "	t.Dispatch.Dispatch(ctx, actions)\n	CRASH\n"),
		at("acknowledged, not deleted", "sqs/delete.go", "	out, err := s.api.DeleteMessageBatch(", "	CRASH\n	out, err := s.api.DeleteMessageBatch("),
		at("deleted, not known to be", "sqs/delete.go", "	if err != nil || out == nil {\n		s.observer.Deleted(0)", "	CRASH\n	if err != nil || out == nil {\n		s.observer.Deleted(0)"),
		at("about to notify", "handlers/notification.go", "	return \"\", channel.Notify(ctx, m)\n", "	CRASH\n	return \"\", channel.Notify(ctx, m)\n"),
		at("notified, not recorded", "handlers/notification.go", "	return \"\", channel.Notify(ctx, m)\n", "	err := channel.Notify(ctx, m)\n	CRASH\n	return \"\", err\n"),
		at("about to answer", "handlers/callback.go", "	return target.Deliver(ctx, answer)\n", "	CRASH\n	return target.Deliver(ctx, answer)\n"),
		at("answered, not recorded", "handlers/callback.go", "	return target.Deliver(ctx, answer)\n", "	err := target.Deliver(ctx, answer)\n	CRASH\n	return err\n"),
		rarely(at("claimed, not advanced", "router/sweeper.go", "	return len(ids), s.all(ctx, ids, advance)\n", `	if len(ids) > 0 {
		CRASH
	}
	return len(ids), s.all(ctx, ids, advance)
`)),
		at("handled, its sender not told", "api/ingress.go", "		writeAnswer(w, fate.Body, fate.Err)\n", "		CRASH\n		writeAnswer(w, fate.Body, fate.Err)\n"),
		at("given up, not kept", "router/middleware.go", "			if _, putErr := letters.PutDeadLetter(", "			CRASH\n			if _, putErr := letters.PutDeadLetter("),
		at("kept, still in its queue", "router/middleware.go", "			o.DeadLettered(source)\n			log.LogAttrs(ctx, slog.LevelError, \"dead letter\"", "			CRASH\n			o.DeadLettered(source)\n			log.LogAttrs(ctx, slog.LevelError, \"dead letter\""),
		rarely(at(afterKill, "router/sweeper.go", "	ids, err := s.Orphans(ctx, s.Transitions.Now().Add(s.Transitions.Lease))\n	if err == nil {\n", `	ids, err := s.Orphans(ctx, s.Transitions.Now().Add(s.Transitions.Lease))
	if len(ids) > 0 {
		CRASH
	}
	if err == nil {
`)),
	}
}

// crashRoom is the package that the points call: it ends the process, as a power
// cut would, at the point that the environment names, the nth time that it is
// passed, unless a process before has ended there.
const crashRoom = `package crash

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

// crashing builds the program with all points in it.
func crashing(t *testing.T) string {
	t.Helper()
	edits := []overlay.Edit{{File: "internal/crash/crash.go", New: crashRoom}}
	imported := map[string]bool{}
	for _, p := range points() {
		if !imported[p.file] {
			clause := "package " + filepath.Base(filepath.Dir(p.file)) + "\n"
			edits = append(edits, overlay.Edit{
				File: p.file, Old: clause, New: clause + "\nimport \"github.com/approval-relay/approval-relay/internal/crash\"\n",
			})
			imported[p.file] = true
		}
		edits = append(edits, overlay.Edit{File: p.file, Old: p.before, New: strings.ReplaceAll(p.after, "CRASH", fmt.Sprintf("crash.At(%q)", p.name))})
	}
	bin, err := overlay.Build(t.TempDir(), "cmd/approval-relay", edits...)
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// TestCrashPoints ends the process at each point: at the first pass, and at a
// later one. The books are the same each time.
func TestCrashPoints(t *testing.T) {
	bin := crashing(t)
	var group errgroup.Group
	group.SetLimit(8) // they mostly wait: more than the machine has cores
	for _, p := range points() {
		for _, nth := range p.passes() {
			group.Go(func() error {
				t.Run(fmt.Sprintf("%s, %d", p.name, nth), func(t *testing.T) { crashAt(t, bin, p, nth) })
				return nil
			})
		}
	}
	_ = group.Wait() // they report by themselves
}

// passes are those at which the process ends: the first, and a later one that is
// sure to come.
func (p point) passes() []int {
	if p.once {
		return []int{1}
	}
	return []int{1, 7}
}

func crashAt(t *testing.T, bin string, p point, nth int) {
	t.Helper()
	once := filepath.Join(t.TempDir(), "crashed")
	w := newWorld(t, bin, settings{patience: time.Minute, env: []string{"CRASH_AT=" + p.name, fmt.Sprintf("CRASH_NTH=%d", nth), "CRASH_ONCE=" + once}})
	w.aws.SQS.SetFaults(emulator.SQSFaults{Duplicate: 0.2, Shuffle: 0.3})
	if p.name == afterKill {
		go w.orphan(once)
	}
	v := w.surviveCrashes(plan(40, w.aws.StepFunctions))
	if _, err := os.Stat(once); err != nil {
		v.add("it did not crash at all")
	}
	report(t, v)
}

// orphan kills the program while it works, until it has ended by itself at its
// next start: one that had nothing in hand leaves nothing to adopt.
func (w *world) orphan(crashed string) {
	for range 8 {
		if !until(time.Minute, w.ready) {
			return
		}
		time.Sleep(200 * time.Millisecond)
		if _, err := os.Stat(crashed); err == nil {
			return
		}
		w.kill()
	}
}

// surviveCrashes plays the scenarios, and starts the program again when it has
// ended by itself. Bad requests are among them, for the points about dead letters.
func (w *world) surviveCrashes(all []*scenario) (v violations) {
	w.bad = 10
	ctx, cancel := context.WithCancel(context.Background())
	again := make(chan struct{})
	go func() { // as an orchestrator does
		defer close(again)
		for ctx.Err() == nil {
			if err := w.start(); err != nil { // it may crash before it is ready
				w.tb.Log(err)
				continue
			}
			select {
			case <-ctx.Done():
			case <-w.current().done:
			}
		}
	}()
	for i := range w.bad {
		w.aws.SQS.PutMessage("orders", fmt.Sprintf(`{"number":%d}`, i), nil)
	}
	if err := w.play(ctx, all, time.Second); err != nil {
		v.add("%v", err)
	}
	w.drained(all, w.settings.patience, &v)
	cancel()
	<-again
	w.check(all, &v)
	w.integrity(&v)
	return v
}
