package e2e

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// told is the program with people who are told by mail.
type told struct{ *world }

func startTold(t *testing.T) told {
	t.Helper()
	w := told{newWorld(t)}
	host, port, err := net.SplitHostPort(w.mail.address)
	if err != nil {
		t.Fatal(err)
	}
	w.startProgram(t, w.writeConfigText(t, fmt.Sprintf(`
workflows:
  told:
    approvers: [ann@example.com, bob@example.com]
    policy: {quorum: 1}
    notify: [mail]
    requester: {notify: [mail]}
    pass_on: [carl@example.com, rita@example.com]
    task_timeout: 1h
    deadline: 30m
  lone: {approvers: [ann@example.com], notify: [mail], requester: {notify: [mail]}, undeliverable: cancel}
people:
  rita@example.com: {aliases: [rita-login]}
channels:
  mail: {smtp: {host: %q, port: %s, tls: none, from: relay@example.com}}
`, host, port)+w.stepFunctionsTarget()))
	return w
}

// ask sends a request of a requester.
func (w told) ask(t *testing.T, workflow, order, requester string) {
	t.Helper()
	status, text, err := w.callUntilAnswered(t.Context(), "POST", "http://"+w.operator+"/v1/requests?workflow="+workflow,
		bearerHeader(apiToken), fmt.Sprintf(`{"orderId": %q, "taskToken": %q, "requestedBy": %q}`,
			order, w.aws.StepFunctions.OpenTask(10*time.Minute, 0), requester))
	if err != nil || status != http.StatusAccepted {
		t.Fatalf("%d %s %v", status, text, err)
	}
}

// open returns the page of a link.
func (w told) open(t *testing.T, link string) (int, string) {
	t.Helper()
	status, page, err := w.callUntilAnswered(t.Context(), "GET", link, http.Header{}, "")
	if err != nil {
		t.Fatal(err)
	}
	return status, page
}

// act sends the form of a page whose button has the act.
func (w told) act(t *testing.T, link, act string, values ...string) (int, string) {
	t.Helper()
	_, page := w.open(t, link)
	f := url.Values{"act": {act}}
	for _, form := range strings.Split(page, "<form ")[1:] {
		if form, _, _ = strings.Cut(form, "</form>"); strings.Contains(form, `name="act" value="`+act+`"`) {
			for _, m := range hiddenForm.FindAllStringSubmatch(form, -1) {
				f.Set(m[1], m[2])
			}
		}
	}
	for i := 0; i < len(values); i += 2 {
		f.Set(values[i], values[i+1])
	}
	return w.send(t, link, f)
}

func (w told) send(t *testing.T, link string, f url.Values) (int, string) {
	t.Helper()
	status, page, err := w.callUntilAnswered(t.Context(), "POST", link,
		http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, f.Encode())
	if err != nil {
		t.Fatal(err)
	}
	return status, page
}

// operate calls the operator's API about an order.
func (w told) operate(t *testing.T, order, route, body string, want int) string {
	t.Helper()
	status, text, err := w.callUntilAnswered(t.Context(), "POST", "http://"+w.operator+"/v1/orders/"+order+route,
		bearerHeader(operatorToken), body)
	if err != nil || status != want {
		t.Errorf("%s %s: %d %s %v", route, body, status, text, err)
	}
	return text
}

// order returns the record of an order as the operator's API shows it.
func (w told) order(t *testing.T, order string) string {
	t.Helper()
	status, text, err := w.callUntilAnswered(t.Context(), "GET", "http://"+w.operator+"/v1/orders/"+order,
		bearerHeader(operatorToken), "")
	if err != nil || status != http.StatusOK {
		t.Fatalf("%d %s %v", status, text, err)
	}
	return text
}

func linkIn(m sentMail) string { return linkForm.FindString(m.text) }

func requireHas(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in %s", part, text)
		}
	}
}

// TestTold carries requests past people: the requester is told by mail, answers and withdraws; approvers ask, pass on and
// decline; operators remind, replace and extend.
func TestTold(t *testing.T) {
	t.Parallel()
	w := startTold(t)

	w.ask(t, "told", "p-ask", "rita@example.com")
	own := linkIn(w.mail.waitFor(t, "rita@example.com", "p-ask"))
	ann := linkIn(w.mail.waitFor(t, "ann@example.com", "p-ask"))
	if !strings.Contains(own, "/s/") || !strings.Contains(ann, "/a/") {
		t.Fatalf("links %s, %s", own, ann)
	}
	for _, wrong := range []string{strings.Replace(own, "/s/", "/a/", 1), strings.Replace(ann, "/a/", "/s/", 1)} {
		if status, _ := w.open(t, wrong); status != http.StatusNotFound {
			t.Errorf("%s: %d", wrong, status)
		}
		if status, _ := w.send(t, wrong, url.Values{"outcome": {"approve"}}); status != http.StatusNotFound {
			t.Errorf("%s: %d", wrong, status)
		}
	}
	if status, page := w.act(t, ann, "ask", "text", "Which canary-colour?"); status != http.StatusSeeOther {
		t.Errorf("ask: %d %s", status, page)
	}
	w.mail.waitFor(t, "rita@example.com", "Question about your request")
	if status, page := w.act(t, own, "answer", "text", "canary-blue."); status != http.StatusSeeOther {
		t.Errorf("answer: %d %s", status, page)
	}
	w.mail.waitFor(t, "ann@example.com", "Your question is answered")
	_, page := w.open(t, ann)
	requireHas(t, page, "Which canary-colour?", "canary-blue.")
	if status, page := w.act(t, own, "withdraw", "text", "canary-late"); status != http.StatusUnprocessableEntity {
		t.Errorf("not confirmed: %d %s", status, page)
	}
	if status, page := w.act(t, own, "withdraw", "confirm", "yes", "text", "canary-found another"); status != http.StatusSeeOther {
		t.Errorf("withdraw: %d %s", status, page)
	}
	w.mail.waitFor(t, "rita@example.com", "Cancelled")
	requireHas(t, w.order(t, "p-ask"), `"status":"cancelled"`, `"reason":"canary-found another"`, `"by":"rita@example.com"`)
	if status, _ := w.act(t, own, "answer", "question", "x", "text", "late"); status < 400 {
		t.Errorf("an answer after the end: %d", status)
	}

	w.ask(t, "told", "p-pass", "rita-login")
	ann = linkIn(w.mail.waitFor(t, "ann@example.com", "p-pass"))
	for _, to := range []string{"rita@example.com", "RITA@example.com", "rita-login", "eve@example.com", "group:x", ""} {
		if status, _ := w.act(t, ann, "pass_on", "to", to, "text", "canary-please"); status != http.StatusUnprocessableEntity {
			t.Errorf("passed on to %q: %d", to, status)
		}
	}
	if status, page := w.act(t, ann, "pass_on", "to", "carl@example.com", "text", "canary-please"); status != http.StatusOK {
		t.Errorf("pass on: %d %s", status, page)
	}
	if status, _ := w.open(t, ann); status != http.StatusGone {
		t.Errorf("the link of whoever passed on: %d", status)
	}
	carl := linkIn(w.mail.waitFor(t, "carl@example.com", "p-pass"))
	if status, page, err := w.decide(t, carl); err != nil || status != http.StatusSeeOther {
		t.Errorf("carl: %d %s %v", status, page, err)
	}
	w.mail.waitFor(t, "rita@example.com", "Approved")
	w.mail.waitFor(t, "bob@example.com", "Approved")
	if told := w.mail.subjectsTo("rita@example.com", "p-pass"); len(told) != 2 {
		t.Errorf("the requester got %q", told)
	}

	w.ask(t, "told", "p-more", "arn:aws:iam::123456789012:role/deploy")
	w.mail.waitFor(t, "ann@example.com", "p-more")
	if _, text := "", w.order(t, "p-more"); !strings.Contains(text, "the requester is not told") {
		t.Errorf("no note in %s", text)
	}
	w.operate(t, "p-more", "/reminders", `{"reason":"deleted","approver":"ann@example.com"}`, http.StatusOK)
	w.mail.waitFor(t, "ann@example.com", "Reminder")
	w.operate(t, "p-more", "/approvers", `{"reason":"ill","replace":"ann@example.com","approvers":["dora@example.com"]}`, http.StatusOK)
	w.mail.waitFor(t, "dora@example.com", "p-more")
	w.operate(t, "p-more", "/approvers", `{"reason":"x","approvers":["arn:aws:iam::123456789012:role/deploy"]}`, http.StatusUnprocessableEntity)
	w.operate(t, "p-more", "/deadline", `{"reason":"x","extendBy":"40m"}`, http.StatusUnprocessableEntity)
	w.operate(t, "p-more", "/deadline", `{"reason":"x","extendBy":"10m","dryRun":true}`, http.StatusOK)
	requireHas(t, w.operate(t, "p-more", "/deadline", `{"id":"1","reason":"x","extendBy":"10m"}`, http.StatusOK), `"recorded"`)
	requireHas(t, w.operate(t, "p-more", "/deadline", `{"id":"1","reason":"x","extendBy":"10m"}`, http.StatusOK), `"repeated"`)
	requireHas(t, w.order(t, "p-more"), `"principal":"operator:e2e"`, `"code":"extend_deadline"`, `"from":"ann@example.com"`)

	w.ask(t, "lone", "p-lone", "rita@example.com")
	ann = linkIn(w.mail.waitFor(t, "ann@example.com", "p-lone"))
	w.act(t, ann, "decline", "text", "canary-not mine")
	requireHas(t, w.order(t, "p-lone"), `"status":"cancelled"`, "theirs to decide")
	var logs string // without the pages of errors, which keep what was typed
	for line := range strings.Lines(w.logs.String()) {
		if strings.HasPrefix(line, `{"time"`) {
			logs += line
		}
	}
	for _, typed := range []string{"canary-colour", "canary-blue", "canary-late", "canary-found", "canary-please", "canary-not"} {
		if strings.Contains(logs, typed) {
			t.Errorf("the log has what people have typed: %s", typed)
		}
	}
	requireHas(t, logs, `"code":"pass_on"`)
	w.mail.mu.Lock()
	defer w.mail.mu.Unlock()
	if len(w.mail.faults) > 0 {
		t.Error(w.mail.faults)
	}
}

// decide approves by a link.
func (w told) decide(t *testing.T, link string) (int, string, error) {
	t.Helper()
	_, page := w.open(t, link)
	form := url.Values{"outcome": {"approve"}}
	for _, m := range hiddenForm.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], m[2])
	}
	return w.callUntilAnswered(t.Context(), "POST", link, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		form.Encode())
}
