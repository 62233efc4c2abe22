package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/test/emulator"
)

// TestRestart ends a relay while it waits, and while an answer is owed, and
// starts another on the same file.
func TestRestart(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	file := p.file(t, true, "")
	first := p.start(t, file)
	waiting, owed := p.aws.StepFunctions.OpenTask(time.Hour, 0), p.aws.StepFunctions.OpenTask(time.Hour, 0)
	for order, token := range map[string]string{"waiting": waiting, "owed": owed} {
		if got := first.program(t, "/v1/requests", fmt.Sprintf(`{"orderId":%q,"taskToken":%q}`, order, token)); got.status != http.StatusAccepted {
			t.Fatalf("request answered %d %s", got.status, got.text)
		}
	}
	early := first.hub(t, decideBody("e", "early", "approve", ""))
	if early.status != http.StatusAccepted {
		t.Fatalf("early decision answered %d %s", early.status, early.text)
	}
	link := first.link(t, "waiting")
	p.aws.StepFunctions.SetOutage(true)
	if got := first.hub(t, decideBody("d", "owed", "reject", "")); got.status != http.StatusOK {
		t.Fatalf("decision answered %d %s", got.status, got.text)
	}
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}

	p.aws.StepFunctions.SetOutage(false)
	second := p.start(t, file)
	if task := second.task(t, owed); task.State != emulator.TaskFailed || task.Effective != 1 {
		t.Errorf("the answer that was owed: %s, %d applied", task.State, task.Effective)
	}
	if got := press(t, strings.Replace(link, first.public, second.public, 1), "approve"); got.status != http.StatusSeeOther {
		t.Errorf("the link from before: %d", got.status)
	}
	if task := second.task(t, waiting); task.State != emulator.TaskSucceeded {
		t.Errorf("the approval that waited: %s", task.State)
	}
	token := p.aws.StepFunctions.OpenTask(time.Hour, 0)
	p.aws.SQS.PutMessage("requests", fmt.Sprintf(`{"orderId":"early","taskToken":%q}`, token), nil)
	if task := second.task(t, token); task.State != emulator.TaskSucceeded {
		t.Errorf("the decision that was early: %s", task.State)
	}
}

// TestSecondProcess refuses another process on the same file.
func TestSecondProcess(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	file := p.file(t, true, "")
	p.start(t, file)
	var stderr bytes.Buffer
	if code := run(t.Context(), []string{"run", "--config.file=" + file}, testenv, strings.NewReader(""), &stderr, &stderr); code != 1 {
		t.Errorf("exit status %d", code)
	}
	if !strings.Contains(stderr.String(), "relay.db") {
		t.Errorf("it does not say which file: %s", stderr.String())
	}
}

// TestEndWithin ends a relay whose target hangs: within its bound of 1 s, and with the answer still owed. A call may take
// ten times as long: a relay that waited for its end would take as long.
func TestEndWithin(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	file := p.file(t, true, "")
	text := strings.Replace(read(t, file), "shutdown: {timeout: 5s}", "shutdown: {timeout: 1s}", 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := p.start(t, file)
	p.aws.StepFunctions.SetFaults(emulator.Faults{Latency: 20 * time.Second})
	token := p.aws.StepFunctions.OpenTask(time.Hour, 0)
	r.program(t, "/v1/requests", fmt.Sprintf(`{"orderId":"slow","taskToken":%q}`, token))
	r.hub(t, decideBody("d", "slow", "approve", ""))
	eventually(t, "a call", func() bool { return p.aws.StepFunctions.CallCounts()["SendTaskSuccess"] > 0 })
	began := time.Now()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 9*time.Second {
		t.Errorf("it took %s to end, the bound is 1s", took)
	}
}

// TestStartsNot is about what keeps a relay from starting: it must say so and
// end, not hang.
func TestStartsNot(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	for what, c := range map[string]struct {
		change func(t *testing.T, p place, text string) string
		says   string
	}{
		"operator's port is taken": {func(_ *testing.T, _ place, s string) string {
			return strings.Replace(s, "127.0.0.1:0", taken.Addr().String(), 1)
		}, "listen"},
		"public port is taken": {func(_ *testing.T, _ place, s string) string {
			return strings.Replace(s, "localhost:0", taken.Addr().String(), 1)
		}, "listen"},
		"shared keys are missing": {func(_ *testing.T, _ place, s string) string {
			return regexp.MustCompile(`store: \{.*\}`).ReplaceAllString(s, "store: {dynamodb: {table: orders}}")
		}, "all workers on table orders share one file"},
		"keys are missing": {func(t *testing.T, p place, s string) string {
			if err := os.WriteFile(filepath.Join(p.dir, "relay.db"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return s
		}, "keys"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			file := p.file(t, true, "")
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(c.change(t, p, string(text))), 0o600); err != nil {
				t.Fatal(err)
			}
			var out buffer
			ctx, cancel := context.WithCancelCause(t.Context())
			code := make(chan int, 1)
			go func() {
				code <- run(ctx, []string{"run", "--config.file=" + file}, testenv, strings.NewReader(""), &out, &out)
			}()
			select {
			case got := <-code:
				if got != 1 || !strings.Contains(out.String(), c.says) {
					t.Errorf("exit status %d, said: %s", got, &out)
				}
			case <-time.After(hangLimit):
				cancel(errors.New("hangs"))
				t.Fatalf("it hangs: %s", &out)
			}
			cancel(nil)
		})
	}
}

// TestStartsBeforeItsQueue shows that a queue which is missing at the start stops nothing else: the log has the cause,
// readiness and a metric name the queue, requests over HTTP are served, and the messages of the queue are handled once it
// is there.
func TestStartsBeforeItsQueue(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	file := p.file(t, true, "")
	text := strings.Replace(read(t, file), "queue: requests,", "queue: late,", 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := p.start(t, file)
	eventually(t, "the cause in the log", func() bool { return strings.Contains(r.log.String(), "no queue has this name") })
	ready := func() reply { return do(t, "GET", r.operator+"/readyz", "") }
	const failing = "receiving fails: request-orders"
	if got := ready(); got.status != http.StatusOK || !strings.Contains(got.text, failing) {
		t.Errorf("%d %s", got.status, got.text)
	}
	metrics := do(t, "GET", r.operator+"/metrics", "", "Authorization", "Bearer "+operatorSecret).text
	if !strings.Contains(metrics, `approval_relay_sqs_receiving{queue="request-orders"} 0`) {
		t.Error("the metric does not say that the queue cannot be used")
	}
	token := p.aws.StepFunctions.OpenTask(time.Hour, 0)
	got := r.program(t, "/v1/requests", fmt.Sprintf(`{"orderId":"by-http","taskToken":%q}`, token))
	if got.status != http.StatusAccepted {
		t.Errorf("%d %s", got.status, got.text)
	}
	p.aws.SQS.CreateQueue("late")
	token = p.aws.StepFunctions.OpenTask(time.Hour, 0)
	p.aws.SQS.PutMessage("late", fmt.Sprintf(`{"orderId":"by-queue","taskToken":%q}`, token), nil)
	r.pending(t, "by-queue")
	if got := ready(); strings.Contains(got.text, failing) {
		t.Errorf("still: %s", got.text)
	}
}

// TestEndsAtOnce ends before it has begun.
func TestEndsAtOnce(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	code := make(chan int, 1)
	var out buffer
	go func() {
		code <- run(ctx, []string{"run", "--config.file=" + p.file(t, false, "")}, testenv, strings.NewReader(""), &out, &out)
	}()
	select {
	case <-code:
	case <-time.After(hangLimit):
		t.Fatalf("it hangs: %s", &out)
	}
}

func TestDemo(t *testing.T) {
	t.Parallel()
	var out, errs buffer // the relay prints, too
	if code := run(t.Context(), []string{"demo", "--auto"}, os.Getenv, strings.NewReader(""), &out, &errs); code != 0 {
		t.Fatalf("exit status %d: %s%s", code, &out, &errs)
	}
	for _, want := range []string{"task succeeded", `"approved"`, `"choice":"approve_up_to"`, `"values":{"limit":1000}`, `"receipt":"eyJ`, "Lamp", "delivered to ", "approval-requests", "/console/\n   Sign in with this demo's token: "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "AQC") && !strings.Contains(out.String(), "AQC…") {
		t.Error("it prints the token")
	}
}
