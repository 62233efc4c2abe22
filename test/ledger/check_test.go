package ledger

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/approval-relay/approval-relay/test/emulator"
)

// violations lists the broken promises that a run has found.
type violations []string

func (v *violations) addf(format string, args ...any) {
	*v = append(*v, fmt.Sprintf(format, args...))
}

// orderView is an order as operators see it.
type orderView struct {
	Approvals []approvalView `json:"approvals"`
}

type approvalView struct {
	ApprovalID string `json:"approvalId"`
	Title      string `json:"title"`
	Status     string `json:"status"`
	Callback   struct {
		State    string `json:"state"`
		Attempts int    `json:"attempts"`
	} `json:"callback"`
}

// maxViolations is the number of violations after which a check ends, because each may cost a wait.
const maxViolations = 10

// goodCallbackStates lists the good final states of a callback. Unknown is one: the reply was lost, and the task could have
// ended by itself meanwhile. That the workflow was answered is checked beside it.
var goodCallbackStates = map[string]bool{"delivered": true, "delivered_presumed": true, "unknown": true}

// waitUntilDrained waits until every task has ended and every queue is empty.
func (w *world) waitUntilDrained(all []*scenario, limit time.Duration, v *violations) {
	open := func() int {
		n := 0
		for _, s := range all {
			if t, _ := w.aws.StepFunctions.FindTask(s.token); t.State == emulator.TaskOpen {
				n++
			}
		}
		return n + w.countRunning()
	}
	waiting := func() int {
		a, _ := w.aws.SQS.CountMessages("orders")
		b, _ := w.aws.SQS.CountMessages("decisions")
		c, _ := w.aws.SQS.CountMessages(storyWorkflow)
		return a + b + c
	}
	if !waitUntil(limit, func() bool { return open() == 0 && waiting() == 0 }) {
		v.addf("not drained after %s: %d tasks wait, %d messages are in queues", limit, open(), waiting())
	}
}

// finalWithin is the time within which all callbacks have ended after the tasks and queues. The end of an attempt that a
// SIGKILL prevented or lost is made good by the next attempt, when the lease of 30 seconds has ended.
const finalWithin = 45 * time.Second

// checkRecords compares the records of the counterparts with the program's records.
func (w *world) checkRecords(all []*scenario, v *violations) {
	w.finalBy = time.Now().Add(finalWithin)
	for _, s := range all {
		if len(*v) > maxViolations {
			return
		}
		told := w.checkAnswer(s, v)
		o, err := w.readFinalOrder(s.order, 1)
		if err != nil {
			v.addf("order %s: %v", s.order, err)
			continue
		}
		if len(o.Approvals) != 1 {
			v.addf("order %s has %d approvals", s.order, len(o.Approvals))
			continue
		}
		a := o.Approvals[0]
		if !goodCallbackStates[a.Callback.State] {
			v.addf("order %s: its callback ended as %q\n%s", s.order, a.Callback.State, w.linesOf(s.order))
		}
		if told != a.Status {
			v.addf("order %s: the workflow was answered %q, the record has %q", s.order, told, a.Status)
		}
		if want := s.wantStatus(); want != "" && a.Status != want {
			v.addf("order %s is %s, want %s\n%s", s.order, a.Status, want, w.linesOf(s.order))
		}
	}
	w.checkStories(v)
	dead, _ := w.aws.SQS.CountMessages("orders-dead")
	if dead < w.badRequests || dead > 5*w.badRequests { // each at least once, but not endlessly
		v.addf("%d dead letters of %d bad requests", dead, w.badRequests)
	}
	for _, path := range []string{"/v1/deadletters", "/v1/orders?state=exhausted"} {
		status, text, err := w.callUntilAnswered(context.Background(), "GET", "http://"+w.operator+path, operatorToken, "")
		if err != nil || status != http.StatusOK || strings.Contains(text, `"id"`) || strings.Contains(text, `"orderId"`) {
			v.addf("%s: %d %.300s %v", path, status, text, err)
		}
	}
}

// wantStatus returns the required final status, or "" if two decisions were sent at the same time.
func (s *scenario) wantStatus() string {
	switch {
	case s.timesOut:
		return "timed_out"
	case s.conflict:
		return ""
	case s.outcome == "approve":
		return "approved"
	}
	return "rejected"
}

// checkAnswer checks that a task was answered once and that all calls with its token had the same content. It returns
// the status of the answer.
func (w *world) checkAnswer(s *scenario, v *violations) string {
	task, _ := w.aws.StepFunctions.FindTask(s.token)
	if task.Error == emulator.ErrorHeartbeatTimeout {
		v.addf("order %s: its task died for want of a heartbeat after %d\n%s", s.order, task.Heartbeats, w.linesOf(s.order))
	}
	if task.Effective != 1 {
		v.addf("order %s: %d effective answers; its task is %s", s.order, task.Effective, task.State)
	}
	return w.checkCalls(s.order, task, v).Status
}

// taskAnswer is the answer to a task, as the workflow reads it.
type taskAnswer struct {
	Order   string `json:"orderId"`
	Status  string `json:"status"`
	Comment string `json:"comment"`
}

// checkCalls checks that all answers to a task had the same content, and that they are about the order.
func (w *world) checkCalls(order string, task emulator.Task, v *violations) (answer taskAnswer) {
	says := ""
	for _, c := range w.callLog.callsOf(task.Attempt.Token) {
		if c.Action == emulator.ActionHeartbeat {
			continue
		}
		if says != "" && says != c.Content {
			v.addf("order %s: contradictory calls: %s, then %s", order, says, c.Content)
		}
		says = c.Content
	}
	text := task.Output
	if task.State == emulator.TaskFailed {
		text = task.Cause
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.Order != order {
		v.addf("order %s: the answer is about order %q (%v)", order, answer.Order, err)
	}
	return answer
}

// readFinalOrder reads the order repeatedly until its callback has ended, or finalBy has come.
func (w *world) readFinalOrder(order string, approvals int) (o orderView, err error) {
	waitUntil(time.Until(w.finalBy), func() bool {
		o, err = w.readOrder(order)
		return err == nil && len(o.Approvals) == approvals && !slices.ContainsFunc(o.Approvals, func(a approvalView) bool {
			return a.Callback.State == "none" || a.Callback.State == "pending"
		})
	})
	return o, err
}

// readOrder reads the order in its present state.
func (w *world) readOrder(order string) (o orderView, err error) {
	status, text, err := w.callUntilAnswered(context.Background(), "GET", "http://"+w.operator+"/v1/orders/"+order, operatorToken, "")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%d %s", status, text)
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &o)
	}
	return o, err
}

// checkNoRepeatedCalls searches for calls after an answer whose reply arrived. Without SIGKILLs and network faults they
// must not occur.
func (w *world) checkNoRepeatedCalls(all []*scenario, v *violations) {
	for _, s := range all {
		answered := false
		for _, c := range w.callLog.callsOf(s.token) {
			if answered {
				v.addf("order %s: called again after its answer was accepted\n%s", s.order, w.linesOf(s.order))
				break
			}
			answered = answered || (c.Applied && c.Replied)
		}
	}
}

// linesOf returns the log lines about an order.
func (w *world) linesOf(order string) string {
	var out strings.Builder
	for line := range strings.Lines(w.logs.String()) {
		if strings.Contains(line, strconv.Quote(order)) {
			out.WriteString(line)
		}
	}
	return out.String()
}

// checkDatabase ends the program and checks the integrity of its database.
func (w *world) checkDatabase(v *violations) {
	for _, m := range w.members {
		if err := w.terminateMember(m); err != nil {
			v.addf("SIGTERM: %v", err)
		}
	}
	if strings.Contains(w.logs.String(), "panic") {
		v.addf("the program panicked")
	}
	if w.settings.database != nil {
		w.checkStore(v)
		return
	}
	db, err := sql.Open("sqlite", w.databasePath())
	if err != nil {
		v.addf("database: %v", err)
		return
	}
	defer func() { _ = db.Close() }()
	var result string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&result); err != nil || result != "ok" {
		v.addf("database: %s %v", result, err)
	}
}

// checkNoSecrets searches every output of the program for tokens and secrets.
func (w *world) checkNoSecrets(all []*scenario, v *violations) {
	places := map[string]string{"a log line or an error": w.logs.String()}
	if _, text, err := w.callUntilAnswered(context.Background(), "GET", "http://"+w.operator+"/metrics", operatorToken, ""); err == nil {
		places["a metric"] = text
	} else {
		v.addf("metrics: %v", err)
	}
	w.readStore(places, v)
	canaries := []string{operatorToken, apiToken, askToken, hookToken, signingSecret}
	for i := 0; i < len(all); i += 1 + len(all)/200 { // each token costs a search of all places
		canaries = append(canaries, all[i].token[100:140])
	}
	for _, c := range canaries {
		encoded := base64.StdEncoding.EncodeToString([]byte(c))[:len(c)-3]
		for place, text := range places {
			for _, form := range []string{c, encoded, hex.EncodeToString([]byte(c))} {
				if strings.Contains(text, form) {
					v.addf("a secret is in %s", place)
				}
			}
		}
	}
}

// readStore reads everything that the store has.
func (w *world) readStore(places map[string]string, v *violations) {
	if w.settings.database != nil {
		if err := w.settings.database.readTables(places); err != nil {
			v.addf("database: %v", err)
		}
		return
	}
	files, err := filepath.Glob(w.databasePath() + "*")
	if err != nil || len(files) == 0 {
		v.addf("no database: %v", err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			v.addf("%v", err)
		}
		places[filepath.Base(f)] = string(b)
	}
}
