package e2e

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/approval-relay/approval-relay/test/emulator"
)

var (
	binary    = flag.String("e2e.binary", "", "the program to test; empty builds it")
	approvals = flag.Int("e2e.approvals", 500, "how many approvals")
	kills     = flag.Int("e2e.kills", 2, "how many SIGKILLs")
)

// TestKilled plays hundreds of approvals over every way in and out, in random
// order, with duplicates, early and contradicting decisions, throttling, lost
// replies and SIGKILLs, and reads from the books of the other ends that each
// workflow was answered once, and rightly.
func TestKilled(t *testing.T) {
	w := newWorld(t)
	w.aws.StepFunctions.SetFaults(emulator.Faults{Throttle: 0.08, LoseReply: 0.08, Fail: 0.02})
	w.answers.faulty, w.hooks.faulty = true, true
	config := w.configure(t)
	w.start(t, config)
	all := plan(*approvals, w.aws.StepFunctions)
	play(t, w, all, config)

	answered(t, w, all)
	check(t, w, all)
	metrics := scrape(t, w)
	secrets(t, w, all, metrics)
	ends(t, w)
}

// play runs the scenarios side by side and kills the program meanwhile.
func play(t *testing.T, w *world, all []*scenario, config string) {
	t.Helper()
	shuffled := append([]*scenario(nil), all...)
	rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	var done sync.Map
	var group errgroup.Group
	group.SetLimit(16)
	for i, s := range shuffled {
		if *kills > 0 && i > 0 && i%(len(shuffled)/(*kills+1)+1) == 0 {
			w.kill()
			w.start(t, config)
		}
		group.Go(func() error {
			if err := s.run(context.WithoutCancel(t.Context()), w); err != nil {
				return fmt.Errorf("scenario %+v: %w", redact(s), err)
			}
			done.Store(s.order, true)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, tail(w.logs.String()))
	}
}

func redact(s *scenario) scenario {
	c := *s
	c.token = ""
	return c
}

// open lists the scenarios whose workflow has no answer yet.
func open(w *world, all []*scenario) []*scenario {
	var out []*scenario
	for _, s := range all {
		if s.token != "" {
			if task, _ := w.aws.StepFunctions.FindTask(s.token); task.State == emulator.TaskOpen {
				out = append(out, s)
			}
		} else if len(w.answers.answers(s.order)) == 0 {
			out = append(out, s)
		}
	}
	return out
}

// answered waits until every workflow has its answer.
func answered(t *testing.T, w *world, all []*scenario) {
	t.Helper()
	if until(t, 2*time.Minute, func() bool { return len(open(w, all)) == 0 }) {
		return
	}
	for _, s := range open(w, all) {
		_, o, err := s.record(context.WithoutCancel(t.Context()), w)
		t.Errorf("no answer for %+v; its record: %+v, %v\n%s", redact(s), o, err, linesOf(w.logs.String(), s.order))
	}
	t.FailNow()
}

// linesOf picks the log lines about an order.
func linesOf(logs, order string) string {
	var out []string
	for line := range strings.Lines(logs) {
		if strings.Contains(line, strconv.Quote(order)) {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

// check reads the books.
func check(t *testing.T, w *world, all []*scenario) {
	t.Helper()
	for _, s := range all {
		var got string
		if s.token != "" {
			task, _ := w.aws.StepFunctions.FindTask(s.token)
			if task.Effective != 1 {
				t.Errorf("order %s (%s): %d effective answers, task %s", s.order, s.in, task.Effective, task.State)
			}
			got = answerOf(t, s, task)
		} else {
			answers := w.answers.answers(s.order)
			if len(answers) != 1 {
				t.Errorf("order %s: %d effective callbacks", s.order, len(answers))
				continue
			}
			got, _ = answers[0]["status"].(string)
		}
		if got != s.want() {
			t.Errorf("order %s: the workflow was told %s, want %s (%+v)", s.order, got, s.want(), redact(s))
		}
		err := s.poll(context.WithoutCancel(t.Context()), w, "its record", func(o orderView) bool {
			return len(o.Approvals) == 1 && o.Approvals[0].Status == s.want() && strings.HasPrefix(o.Approvals[0].Callback.State, "delivered")
		})
		if err != nil {
			t.Error(err)
		}
	}
	if w.answers.unsigned+w.hooks.unsigned > 0 {
		t.Errorf("%d callbacks and %d notifications were not signed", w.answers.unsigned, w.hooks.unsigned)
	}
	if len(w.mail.bad) > 0 {
		t.Errorf("mails: %q", w.mail.bad[0])
	}
}

// answerOf reads what a workflow was told.
func answerOf(t *testing.T, s *scenario, task emulator.Task) string {
	t.Helper()
	text := task.Output
	if task.State == emulator.TaskFailed {
		text = task.Cause
	}
	var body map[string]any
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		t.Errorf("order %s: the answer is no JSON: %v", s.order, err)
		return ""
	}
	if body["orderId"] != s.order {
		t.Errorf("order %s: the answer is about %v", s.order, body["orderId"])
	}
	status, _ := body["status"].(string)
	errors := map[string]string{"rejected": "ApprovalDenied", "timed_out": "ApprovalTimedOut", "cancelled": "ApprovalCancelled"}
	if task.State == emulator.TaskFailed && task.Error != errors[status] {
		t.Errorf("order %s: error %s for %s", s.order, task.Error, status)
	}
	if task.State == emulator.TaskSucceeded && body["approved"] != (status == "approved") {
		t.Errorf("order %s: approved %v for %s", s.order, body["approved"], status)
	}
	if s.workflow == "steps" && status == "approved" && (body["region"] != "eu" || body["total"] != float64(7)) {
		t.Errorf("order %s: the configured output is missing: %s", s.order, text)
	}
	return status
}

func scrape(t *testing.T, w *world) string {
	t.Helper()
	status, text, err := w.call(t.Context(), "GET", "http://"+w.operator+"/metrics", bearer(operatorToken), "")
	if err != nil || status != http.StatusOK {
		t.Fatalf("metrics: %d %v", status, err)
	}
	return text
}

// secrets looks for every token and secret wherever the program writes.
func secrets(t *testing.T, w *world, all []*scenario, metrics string) {
	t.Helper()
	places := map[string]string{"a log line or an error": w.logs.String(), "a metric": metrics}
	spans, _, _ := w.spans.Received()
	if len(spans) == 0 {
		t.Fatal("no spans were exported")
	}
	places["a span"] = string(spans)
	files, err := filepath.Glob(filepath.Join(w.dir, "relay.db*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("database files: %q, %v", files, err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		places[filepath.Base(f)] = string(b)
	}
	var canaries []string
	for _, s := range all {
		if s.token != "" {
			canaries = append(canaries, s.token[100:140])
		} else {
			canaries = append(canaries, "hook?order="+s.order+`"`) // a callback URL is a secret too
		}
	}
	for _, c := range append(canaries, operatorToken, apiToken, hmacSecret, bearerToken, smtpPassword, standardSecret, spansSecret) {
		for place, text := range places {
			for _, form := range []string{c, base64.StdEncoding.EncodeToString([]byte(c))[:len(c)-3], hex.EncodeToString([]byte(c))} {
				if strings.Contains(text, form) {
					t.Fatalf("a secret is in %s", place)
				}
			}
		}
	}
}

// ends sends SIGTERM: the program must end by itself, within its bound.
func ends(t *testing.T, w *world) {
	t.Helper()
	if err := w.proc.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-w.proc.done:
	case <-time.After(20 * time.Second): // shutdown.timeout is 15 s
		t.Fatalf("the program did not end\n%s", tail(w.logs.String()))
	}
	if w.proc.err != nil {
		t.Errorf("the program ended with %v", w.proc.err)
	}
	if strings.Contains(w.logs.String(), "panic") {
		t.Error("the program panicked")
	}
}
