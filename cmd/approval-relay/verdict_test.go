package main

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// sender sends one decision. Without a status, the verdict is in the history.
type sender struct {
	name string
	send func(t *testing.T, p place, r *running, order, body string) reply
	says bool // whether the sender is answered
}

func senders() []sender {
	return []sender{
		{"webhook, HMAC", func(t *testing.T, _ place, r *running, _, body string) reply { return r.hub(t, body) }, true},
		{"webhook, bearer", func(t *testing.T, _ place, r *running, _, body string) reply { return r.crm(t, body) }, true},
		{"API", func(t *testing.T, _ place, r *running, order, body string) reply {
			return r.program(t, "/v1/orders/"+order+"/decisions", body)
		}, true},
		{"SNS, enveloped", func(t *testing.T, p place, _ *running, _, body string) reply {
			p.publish(t, "decisions", body)
			return reply{}
		}, false},
		{"SNS, raw", func(t *testing.T, p place, _ *running, _, body string) reply {
			p.publish(t, "raw", body)
			return reply{}
		}, false},
	}
}

// step is one thing that happens to an order; a decision is "id outcome rest".
type step struct {
	do      string // request, cancel, or decide
	step    string // of a request
	id      string // of a decision
	outcome string
	rest    string // more members of its body
	status  int
	verdict string
	topic   string // the verdict of a topic, if it differs: SNS states when the decision was sent
}

// TestVerdicts sends decisions that are early, late, repeated, contradicting,
// ambiguous and forbidden over every way, and looks at the answers.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	ok, accepted, conflict := http.StatusOK, http.StatusAccepted, http.StatusConflict
	tables := map[string][]step{
		"early":          {{do: "decide", id: "a", outcome: "approve", status: accepted, verdict: "waiting"}, {do: "request"}, {do: "answered"}},
		"early twice":    {{do: "decide", id: "a", outcome: "approve", status: accepted, verdict: "waiting"}, {do: "decide", id: "a", outcome: "approve", status: ok, verdict: "repeated"}},
		"early, at odds": {{do: "decide", id: "a", outcome: "approve", status: accepted, verdict: "waiting"}, {do: "decide", id: "a", outcome: "reject", status: conflict, verdict: "conflict"}},
		"repeated":       {{do: "request"}, {do: "decide", id: "a", outcome: "approve", status: ok, verdict: "decided"}, {do: "decide", id: "a", outcome: "approve", status: ok, verdict: "repeated"}, {do: "answered"}},
		"agreeing":       {{do: "request"}, {do: "decide", id: "a", outcome: "approve", status: ok, verdict: "decided"}, {do: "decide", id: "b", outcome: "yes", status: ok, verdict: "repeated"}},
		"contradicting":  {{do: "request"}, {do: "decide", id: "a", outcome: "approve", status: ok, verdict: "decided"}, {do: "decide", id: "b", outcome: "reject", status: conflict, verdict: "conflict", topic: "waiting"}, {do: "answered"}},
		"changed":        {{do: "request"}, {do: "decide", id: "a", outcome: "approve", status: ok, verdict: "decided"}, {do: "decide", id: "a", outcome: "reject", status: conflict, verdict: "conflict"}},
		"late":           {{do: "request"}, {do: "cancel"}, {do: "decide", id: "a", outcome: "approve", status: conflict, verdict: "late", topic: "waiting"}},
		"ambiguous": {
			{do: "request", step: "one"}, {do: "request", step: "two"}, {do: "decide", id: "a", outcome: "approve", status: conflict, verdict: "ambiguous"},
			{do: "decide", id: "b", outcome: "approve", rest: `,"step":"two"`, status: ok, verdict: "decided"},
			{do: "decide", id: "c", outcome: "reject", rest: `,"step":"one"`, status: ok, verdict: "decided"},
		},
		"unknown approval": {{do: "request"}, {do: "decide", id: "a", outcome: "approve", rest: `,"approvalId":"0123"`, status: http.StatusNotFound, verdict: "unknown"}},
		"not an approver":  {{do: "request"}, {do: "decide", id: "a", outcome: "approve", rest: `,"by":"x"`, status: ok, verdict: "decided"}},
	}
	p := newPlace(t)
	r := p.start(t, p.file(t, true, ""))
	t.Run("all", func(t *testing.T) {
		for what, steps := range tables {
			for _, s := range senders() {
				t.Run(what+"/"+s.name, func(t *testing.T) {
					t.Parallel()
					happen(t, p, r, s, steps)
				})
			}
		}
	})
}

// nextMillisecond returns a condition that holds from the next millisecond on.
func nextMillisecond() func() bool {
	began := time.Now().UnixMilli()
	return func() bool { return time.Now().UnixMilli() > began }
}

func happen(t *testing.T, p place, r *running, s sender, steps []step) {
	order, token := "o-"+name(t), ""
	judged := map[string]int{}
	for i, at := range steps {
		switch at.do {
		case "request":
			token = p.aws.StepFunctions.OpenTask(time.Hour, 0)
			body := fmt.Sprintf(`{"orderId":%q,"taskToken":%q,"step":%q}`, order, token, at.step)
			if got := r.program(t, "/v1/requests", body); got.status != http.StatusAccepted {
				t.Fatalf("step %d: request answered %d %s", i, got.status, got.text)
			}
		case "cancel":
			got := do(t, "POST", r.operator+"/v1/orders/"+order+"/cancel", `{"by":"ops","reason":"not needed"}`, "Authorization", "Bearer "+operatorSecret)
			if got.status != http.StatusOK {
				t.Fatalf("step %d: cancel answered %d %s", i, got.status, got.text)
			}
		case "answered":
			if task := r.task(t, token); task.Effective != 1 {
				t.Errorf("step %d: %d answers applied", i, task.Effective)
			}
		case "decide":
			id := at.id + "-" + order
			if !s.says { // SNS writes the time of sending in whole milliseconds: it must be after what has happened so far
				eventually(t, "the next millisecond", nextMillisecond())
			}
			got := s.send(t, p, r, order, decideBody(id, order, at.outcome, at.rest))
			if !s.says {
				if at.verdict == "repeated" { // not kept in the history
					return
				}
				want := cmp.Or(at.topic, at.verdict)
				if v := r.verdict(t, order, id, judged[id]); v != want {
					t.Fatalf("step %d: judged %s, want %s", i, v, want)
				}
				judged[id]++
				continue
			}
			if got.status != at.status || got.body["verdict"] != at.verdict {
				t.Fatalf("step %d: answered %d %s, want %d %s", i, got.status, got.text, at.status, at.verdict)
			}
		}
	}
}

// TestApproversOnly refuses those who are not named, and the requester.
func TestApproversOnly(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, false, ""))
	order, token := "o-"+name(t), p.aws.StepFunctions.OpenTask(time.Hour, 0)
	body := fmt.Sprintf(`{"orderId":%q,"taskToken":%q,"approvers":[%q,"other@example.com"],"requester":"asker@example.com"}`, order, token, boss)
	if got := r.program(t, "/v1/requests", body); got.status != http.StatusAccepted {
		t.Fatalf("request answered %d %s", got.status, got.text)
	}
	for i, c := range []struct {
		by, verdict string
		status      int
	}{
		{"stranger@example.com", "not_approver", http.StatusForbidden},
		{"", "not_approver", http.StatusForbidden}, // it is the source's, then
		{"source:crm", "", http.StatusUnprocessableEntity},
		{"asker@example.com", "requester", http.StatusForbidden},
		{"BOSS@example.com", "decided", http.StatusOK},
	} {
		got := r.hub(t, fmt.Sprintf(`{"decisionId":"d%d","orderId":%q,"decision":"approve","decidedBy":%q}`, i, order, c.by))
		verdict, _ := got.body["verdict"].(string)
		if got.status != c.status || verdict != c.verdict {
			t.Errorf("%q: answered %d %s, want %d %q", c.by, got.status, got.text, c.status, c.verdict)
		}
	}
}

// TestPageTwice presses buttons that were pressed before.
func TestPageTwice(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, false, ""))
	order, token := "o-"+name(t), p.aws.StepFunctions.OpenTask(time.Hour, 0)
	r.program(t, "/v1/requests", fmt.Sprintf(`{"orderId":%q,"taskToken":%q}`, order, token))
	link := r.link(t, order)
	page := do(t, "GET", link, "").text
	for i := range 3 { // scanners
		if got := do(t, "HEAD", link, ""); got.status != http.StatusOK {
			t.Errorf("HEAD %d: %d", i, got.status)
		}
	}
	if task, _ := p.aws.StepFunctions.FindTask(token); task.Calls != 0 {
		t.Fatal("reading the page decided")
	}
	for i, c := range []struct {
		outcome string
		status  int
	}{{"approve", http.StatusSeeOther}, {"approve", http.StatusSeeOther}, {"reject", http.StatusConflict}} {
		if got := send(t, link, c.outcome, page); got.status != c.status {
			t.Errorf("press %d, %s: %d, want %d", i, c.outcome, got.status, c.status)
		}
	}
	if task := r.task(t, token); task.Effective != 1 || task.Calls != 1 {
		t.Errorf("%d answers applied by %d calls", task.Effective, task.Calls)
	}
}

// TestSurerThanALink holds that where people must sign in, no program decides in
// their names but those that the workflow names.
func TestSurerThanALink(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		extra         string
		hub, crm, api int
	}{
		"nobody named": {"min_assurance: sso", http.StatusForbidden, http.StatusForbidden, http.StatusForbidden},
		"none":         {"sources: [none]", http.StatusForbidden, http.StatusForbidden, http.StatusForbidden},
		"one":          {"min_assurance: sso\n    sources: [crm]", http.StatusForbidden, http.StatusOK, http.StatusForbidden},
		"any, by link": {"", http.StatusOK, http.StatusOK, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			file := p.file(t, false, c.extra)
			text := strings.Replace(read(t, file), `"http://relay.test"}`, `"http://relay.test", oidc: {issuer: "https://id.test", client_id: x, client_secret: "${HUB}"}}`, 1)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			r := p.start(t, file)
			for way, want := range map[string]int{"hub": c.hub, "crm": c.crm, "api": c.api} {
				order := "o-" + way
				ask := fmt.Sprintf(`{"orderId":%q,"taskToken":%q,"approvers":[%q]}`, order, p.aws.StepFunctions.OpenTask(time.Hour, 0), boss)
				if got := r.program(t, "/v1/requests", ask); got.status != http.StatusAccepted {
					t.Fatalf("request answered %d %s", got.status, got.text)
				}
				body := decideBody("d-"+order, order, "approve", "")
				got := map[string]func() reply{
					"hub": func() reply { return r.hub(t, body) }, "crm": func() reply { return r.crm(t, body) },
					"api": func() reply { return r.program(t, "/v1/orders/"+order+"/decisions", body) },
				}[way]()
				if got.status != want {
					t.Errorf("%s: answered %d %s, want %d", way, got.status, got.text, want)
				}
			}
		})
	}
}
