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
	binaryPath    = flag.String("e2e.binary", "", "path of the program; without it the program is built")
	approvalCount = flag.Int("e2e.approvals", 500, "number of approvals")
	killCount     = flag.Int("e2e.kills", 2, "number of SIGKILLs")
)

// TestKilled carries out hundreds of approvals over every way in and out, in random order, with duplicates, early and
// contradicting decisions, throttling, lost replies and SIGKILLs. The records of the counterparts must show that each
// workflow was answered once, with the right decision.
func TestKilled(t *testing.T) {
	w := newWorld(t)
	w.aws.StepFunctions.SetFaults(emulator.Faults{Throttle: 0.08, LoseReply: 0.08, Fail: 0.02})
	w.answers.faulty = true
	w.hooks.faulty = true
	config := w.writeConfig(t)
	w.startProgram(t, config)
	all := planScenarios(*approvalCount, w.aws.StepFunctions)
	runScenarios(t, w, all, config)

	waitForAnswers(t, w, all)
	checkAnswers(t, w, all)
	metrics := scrapeMetrics(t, w)
	checkNoSecrets(t, w, all, metrics)
	checkShutdown(t, w)
}

// runScenarios runs the scenarios concurrently and kills the program meanwhile.
func runScenarios(t *testing.T, w *world, all []*scenario, config string) {
	t.Helper()
	shuffled := append([]*scenario(nil), all...)
	rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	var done sync.Map
	var group errgroup.Group
	group.SetLimit(16)
	for i, s := range shuffled {
		if *killCount > 0 && i > 0 && i%(len(shuffled)/(*killCount+1)+1) == 0 {
			w.killProgram()
			w.startProgram(t, config)
		}
		group.Go(func() error {
			if err := s.runScenario(context.WithoutCancel(t.Context()), w); err != nil {
				return fmt.Errorf("scenario %+v: %w", withoutToken(s), err)
			}
			done.Store(s.order, true)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, lastOf(w.logs.String()))
	}
}

func withoutToken(s *scenario) scenario {
	c := *s
	c.token = ""
	return c
}

// openScenarios returns the scenarios with an unanswered workflow.
func openScenarios(w *world, all []*scenario) []*scenario {
	var out []*scenario
	for _, s := range all {
		if s.token != "" {
			if task, _ := w.aws.StepFunctions.FindTask(s.token); task.State == emulator.TaskOpen {
				out = append(out, s)
			}
		} else if len(w.answers.bodiesOf(s.order)) == 0 {
			out = append(out, s)
		}
	}
	return out
}

// waitForAnswers waits until every workflow has an answer.
func waitForAnswers(t *testing.T, w *world, all []*scenario) {
	t.Helper()
	if waitUntil(t, 2*time.Minute, func() bool { return len(openScenarios(w, all)) == 0 }) {
		return
	}
	for _, s := range openScenarios(w, all) {
		_, o, err := s.readOrder(context.WithoutCancel(t.Context()), w)
		t.Errorf("no answer for %+v; its record: %+v, %v\n%s", withoutToken(s), o, err, linesOf(w.logs.String(), s.order))
	}
	t.FailNow()
}

// linesOf returns the log lines about an order.
func linesOf(logs, order string) string {
	var out []string
	for line := range strings.Lines(logs) {
		if strings.Contains(line, strconv.Quote(order)) {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

// checkAnswers compares the records of the counterparts with the scenarios.
func checkAnswers(t *testing.T, w *world, all []*scenario) {
	t.Helper()
	for _, s := range all {
		var got string
		if s.token != "" {
			task, _ := w.aws.StepFunctions.FindTask(s.token)
			if task.Effective != 1 {
				t.Errorf("order %s (%s): %d effective answers, task %s", s.order, s.shape, task.Effective, task.State)
			}
			got = statusOfAnswer(t, s, task)
		} else {
			answers := w.answers.bodiesOf(s.order)
			if len(answers) != 1 {
				t.Errorf("order %s: %d effective callbacks", s.order, len(answers))
				continue
			}
			got, _ = answers[0]["status"].(string)
		}
		if got != s.wantStatus() {
			t.Errorf("order %s: the workflow received %s, want %s (%+v)", s.order, got, s.wantStatus(), withoutToken(s))
		}
		err := s.waitForOrder(context.WithoutCancel(t.Context()), w, "its record", func(o orderView) bool {
			return len(o.Approvals) == 1 && o.Approvals[0].Status == s.wantStatus() &&
				strings.HasPrefix(o.Approvals[0].Callback.State, "delivered")
		})
		if err != nil {
			t.Error(err)
		}
	}
	if w.answers.unsigned+w.hooks.unsigned > 0 {
		t.Errorf("%d callbacks and %d notifications were not signed", w.answers.unsigned, w.hooks.unsigned)
	}
	if len(w.mail.faults) > 0 {
		t.Errorf("mails: %q", w.mail.faults[0])
	}
}

// statusOfAnswer checks the answer that a workflow received and returns its status.
func statusOfAnswer(t *testing.T, s *scenario, task emulator.Task) string {
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

func scrapeMetrics(t *testing.T, w *world) string {
	t.Helper()
	status, text, err := w.callUntilAnswered(t.Context(), "GET", "http://"+w.operator+"/metrics", bearerHeader(operatorToken), "")
	if err != nil || status != http.StatusOK {
		t.Fatalf("metrics: %d %v", status, err)
	}
	return text
}

// checkNoSecrets searches every output of the program for tokens and secrets.
func checkNoSecrets(t *testing.T, w *world, all []*scenario, metrics string) {
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
	canaries = append(canaries, operatorToken, apiToken, hmacSecret, bearerToken, smtpPassword, standardSecret, spansSecret)
	for _, c := range canaries {
		encoded := base64.StdEncoding.EncodeToString([]byte(c))[:len(c)-3]
		for place, text := range places {
			for _, form := range []string{c, encoded, hex.EncodeToString([]byte(c))} {
				if strings.Contains(text, form) {
					t.Fatalf("a secret is in %s", place)
				}
			}
		}
	}
}

// checkShutdown sends SIGTERM. The program must end within its time limit.
func checkShutdown(t *testing.T, w *world) {
	t.Helper()
	if err := w.proc.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-w.proc.done:
	case <-time.After(time.Minute): // shutdown.timeout is 15 s; a busy machine may need more
		t.Fatalf("the program did not end\n%s", lastOf(w.logs.String()))
	}
	if w.proc.err != nil {
		t.Errorf("the program ended with %v", w.proc.err)
	}
	if strings.Contains(w.logs.String(), "panic") {
		t.Error("the program panicked")
	}
}
