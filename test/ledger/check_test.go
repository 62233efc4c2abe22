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

// violations are what must never be, found.
type violations []string

func (v *violations) add(format string, args ...any) {
	*v = append(*v, fmt.Sprintf(format, args...))
}

// orderView is an order as an operator sees it.
type orderView struct {
	Approvals []approvalView `json:"approvals"`
}

type approvalView struct {
	Status   string `json:"status"`
	Callback struct {
		State    string `json:"state"`
		Attempts int    `json:"attempts"`
	} `json:"callback"`
}

// enough is how many violations are looked for: each may cost a wait.
const enough = 10

// settled are the ends of a callback that are good.
var settled = map[string]bool{"delivered": true, "delivered_presumed": true}

// drained waits until every task has ended and every queue is empty.
func (w *world) drained(all []*scenario, limit time.Duration, v *violations) {
	open := func() int {
		n := 0
		for _, s := range all {
			for _, token := range []string{s.token, s.old} {
				if t, _ := w.aws.StepFunctions.FindTask(token); t.State == emulator.TaskOpen {
					n++
				}
			}
		}
		return n
	}
	waiting := func() int {
		a, _ := w.aws.SQS.CountMessages("orders")
		b, _ := w.aws.SQS.CountMessages("decisions")
		return a + b
	}
	if !until(limit, func() bool { return open() == 0 && waiting() == 0 }) {
		v.add("not drained after %s: %d tasks wait, %d messages are in queues", limit, open(), waiting())
	}
}

// check compares the books with the records.
func (w *world) check(all []*scenario, v *violations) {
	for _, s := range all {
		if len(*v) > enough {
			return
		}
		told := w.answer(s, s.token, v)
		if s.old != "" {
			if old := w.answer(s, s.old, v); old != "superseded" {
				v.add("order %s: its first try was told %q", s.order, old)
			}
		}
		o, err := w.record(s, 10*time.Second)
		if err != nil {
			v.add("order %s: %v", s.order, err)
			continue
		}
		if len(o.Approvals) != s.tries() {
			v.add("order %s has %d approvals", s.order, len(o.Approvals))
			continue
		}
		a := o.Approvals[0]
		if s.old != "" && a.Status == "superseded" {
			a = o.Approvals[1]
		}
		if !settled[a.Callback.State] {
			v.add("order %s: its callback ended as %q\n%s", s.order, a.Callback.State, w.linesOf(s.order))
		}
		if told != a.Status {
			v.add("order %s: the workflow was told %q, the record says %q", s.order, told, a.Status)
		}
		if want := s.want(); want != "" && a.Status != want {
			v.add("order %s is %s, want %s\n%s", s.order, a.Status, want, w.linesOf(s.order))
		}
	}
	if dead, _ := w.aws.SQS.CountMessages("orders-dead"); dead < w.bad || dead > 5*w.bad { // each at least once, and not for ever
		v.add("%d dead letters of %d bad requests", dead, w.bad)
	}
	for _, path := range []string{"/v1/deadletters", "/v1/orders?state=exhausted"} {
		status, text, err := w.call(context.Background(), "GET", "http://"+w.operator+path, operatorToken, "")
		if err != nil || status != http.StatusOK || strings.Contains(text, `"id"`) || strings.Contains(text, `"orderId"`) {
			v.add("%s: %d %.300s %v", path, status, text, err)
		}
	}
}

// want is the status in which the approval must end, or nothing where two
// decisions raced.
func (s *scenario) want() string {
	switch {
	case s.alone:
		return "timed_out"
	case s.conflict:
		return ""
	case s.outcome == "approve":
		return "approved"
	}
	return "rejected"
}

// answer reads what the workflow was told, and that every call for its token
// said the same.
func (w *world) answer(s *scenario, token string, v *violations) string {
	task, _ := w.aws.StepFunctions.FindTask(token)
	if task.Effective != 1 {
		v.add("order %s: %d effective answers; its task is %s", s.order, task.Effective, task.State)
	}
	says := ""
	for _, c := range w.book.of(token) {
		if says != "" && says != c.Content {
			v.add("order %s: contradictory calls: %s, then %s", s.order, says, c.Content)
		}
		says = c.Content
	}
	text := task.Output
	if task.State == emulator.TaskFailed {
		text = task.Cause
	}
	var body struct {
		Order  string `json:"orderId"`
		Status string `json:"status"`
	}
	if err := json.Unmarshal([]byte(text), &body); err != nil || body.Order != s.order {
		v.add("order %s: the answer is about order %q (%v)", s.order, body.Order, err)
	}
	return body.Status
}

// record reads the order, until its callback has ended.
func (w *world) record(s *scenario, limit time.Duration) (o orderView, err error) {
	until(limit, func() bool {
		o, err = w.recordNow(s)
		return err == nil && len(o.Approvals) == s.tries() && !slices.ContainsFunc(o.Approvals, func(a approvalView) bool {
			return a.Callback.State == "none" || a.Callback.State == "pending"
		})
	})
	return o, err
}

// recordNow reads the order as it is.
func (w *world) recordNow(s *scenario) (o orderView, err error) {
	status, text, err := w.call(context.Background(), "GET", "http://"+w.operator+"/v1/orders/"+s.order, operatorToken, "")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%d %s", status, text)
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &o)
	}
	return o, err
}

// doneAgain looks for calls that were made although the answer had been given
// and said so: where no process was killed and no network broke, there are none.
func (w *world) doneAgain(all []*scenario, v *violations) {
	for _, s := range all {
		answered := false
		for _, c := range w.book.of(s.token) {
			if answered {
				v.add("order %s: called again after its answer was taken\n%s", s.order, w.linesOf(s.order))
				break
			}
			answered = answered || (c.Applied && c.Replied)
		}
	}
}

// linesOf picks the log lines about an order.
func (w *world) linesOf(order string) string {
	var out strings.Builder
	for line := range strings.Lines(w.logs.String()) {
		if strings.Contains(line, strconv.Quote(order)) {
			out.WriteString(line)
		}
	}
	return out.String()
}

// integrity ends the program and reads its database.
func (w *world) integrity(v *violations) {
	if err := w.terminate(); err != nil {
		v.add("SIGTERM: %v", err)
	}
	db, err := sql.Open("sqlite", w.database())
	if err != nil {
		v.add("database: %v", err)
		return
	}
	defer func() { _ = db.Close() }()
	var result string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&result); err != nil || result != "ok" {
		v.add("database: %s %v", result, err)
	}
	if strings.Contains(w.logs.String(), "panic") {
		v.add("the program panicked")
	}
}

// secrets looks for tokens and secrets wherever the program writes.
func (w *world) secrets(all []*scenario, v *violations) {
	places := map[string]string{"a log line or an error": w.logs.String()}
	if _, text, err := w.call(context.Background(), "GET", "http://"+w.operator+"/metrics", operatorToken, ""); err == nil {
		places["a metric"] = text
	} else {
		v.add("metrics: %v", err)
	}
	files, err := filepath.Glob(w.database() + "*")
	if err != nil || len(files) == 0 {
		v.add("no database: %v", err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			v.add("%v", err)
		}
		places[filepath.Base(f)] = string(b)
	}
	canaries := []string{operatorToken, apiToken, hookToken, signingSecret}
	for i := 0; i < len(all); i += 1 + len(all)/200 { // each costs a search of all places
		canaries = append(canaries, all[i].token[100:140])
	}
	for _, c := range canaries {
		for place, text := range places {
			for _, form := range []string{c, base64.StdEncoding.EncodeToString([]byte(c))[:len(c)-3], hex.EncodeToString([]byte(c))} {
				if strings.Contains(text, form) {
					v.add("a secret is in %s", place)
				}
			}
		}
	}
}
