package console_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// The methods of console.Acts run the domain.
func (w *world) Remind(_ context.Context, id string, act approval.Act, approver string) (approval.ActResult, error) {
	v, _, err := w.order(id).Remind(act, approver, w.turn())
	return approval.ActResult{Verdict: v}, err
}

func (w *world) AddApprovers(_ context.Context, id string, act approval.Act, names []string) (approval.ActResult, error) {
	var added []approval.Approver
	for _, name := range names {
		added = append(added, approval.Approver{ID: strings.TrimSpace(name)})
	}
	v, _, err := w.order(id).AddApprovers(act, added, w.turn())
	return approval.ActResult{Verdict: v}, err
}

func (w *world) ReplaceApprover(_ context.Context, id string, act approval.Act, from, to string) (approval.ActResult, error) {
	v, _, err := w.order(id).ReplaceApprover(act, from, []approval.Approver{{ID: to}}, w.turn())
	return approval.ActResult{Verdict: v}, err
}

func (w *world) ExtendDeadline(
	_ context.Context, id string, act approval.Act, until time.Time, by time.Duration,
) (approval.ActResult, error) {
	v, _, err := w.order(id).ExtendDeadline(act, approval.Extension{Until: until, By: by}, w.turn())
	return approval.ActResult{Verdict: v}, err
}

// actForm returns the form of acts on an order's page, filled in.
func (w *world) actForm(order, act string, values ...string) url.Values {
	w.t.Helper()
	_, page := w.get("order?" + url.Values{"id": {order}}.Encode())
	f := form(w.t, page, "act", "")
	f.Set("act", act)
	f.Set("reason", "because")
	for i := 0; i < len(values); i += 2 {
		f.Set(values[i], values[i+1])
	}
	return f
}

// Acts are recorded under the name of the signed-in operator, once for each form, and only with a reason.
func TestOperatorActs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(bobToken)
	w.ask("A-1", time.Hour, func(r *approval.Request) {
		r.Approvers = []approval.Approver{{ID: "ann@example.com", Nonce: "n"}}
		r.Requester = "rita@example.com"
		r.Channels = []string{"mail"}
		r.Policy = approval.Policy{Kind: approval.PolicyAny}
	})
	a := w.order("A-1").Approvals[0]
	deadline := a.Deadline
	for _, c := range []struct {
		act    string
		values []string
		status int
	}{
		{"remind", nil, http.StatusSeeOther},
		{"remind", []string{"reason", " "}, http.StatusUnprocessableEntity},
		{"add_approvers", []string{"who", "dora@example.com, eve@example.com"}, http.StatusSeeOther},
		{"add_approvers", []string{"who", "rita@example.com"}, http.StatusUnprocessableEntity},
		{"add_approvers", []string{"who", "gus@example.com", "from", "ann@example.com"}, http.StatusSeeOther},
		{"extend_deadline", []string{"extend_by", "1h"}, http.StatusSeeOther},
		{"extend_deadline", []string{"extend_by", "a day"}, http.StatusUnprocessableEntity},
		{"extend_deadline", []string{"extend_by", "90000h"}, http.StatusUnprocessableEntity},
		{"approve", nil, http.StatusUnprocessableEntity},
		{"remind", []string{"nonce", "x"}, http.StatusConflict},
		{"remind", []string{"id", "other"}, http.StatusConflict},
	} {
		before := len(a.Acts)
		f := w.actForm("A-1", c.act, c.values...)
		resp, page := w.post("act", f)
		if resp.StatusCode != c.status {
			t.Errorf("%s %q: %d %s", c.act, c.values, resp.StatusCode, style.ReplaceAllString(page, ""))
		}
		if resp.StatusCode == http.StatusSeeOther {
			w.post("act", f) // a second click
			before++
		}
		if len(a.Acts) != before {
			t.Errorf("%s %q: %d acts, want %d", c.act, c.values, len(a.Acts), before)
		}
	}
	var names []string
	for _, p := range a.Approvers {
		names = append(names, p.ID)
	}
	if got := strings.Join(names, " "); got != "dora@example.com eve@example.com gus@example.com" {
		t.Error(got)
	}
	if !a.Deadline.Equal(deadline.Add(time.Hour)) {
		t.Errorf("the deadline is %s", a.Deadline)
	}
	for _, e := range w.order("A-1").History {
		if e.Kind == approval.EventAct && (e.By != "bob" || e.Principal != "operator:bob" || e.Note != "because") {
			t.Errorf("%+v", e)
		}
	}
	_, page := w.get("order?id=A-1")
	for _, want := range []string{"Reminded ann@example.com, by bob", "Deadline extended to", "replaced by gus@example.com"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in %s", want, style.ReplaceAllString(page, ""))
		}
	}
}

func (w *world) Dismiss(_ context.Context, id string, act approval.Act) (approval.ActResult, error) {
	v, _, err := w.order(id).Dismiss(act, w.turn())
	return approval.ActResult{Verdict: v}, err
}

// What cannot be mended is put away with a reason: the lists leave it out, and its page says so.
func TestDismiss(t *testing.T) {
	t.Parallel()
	for order, state := range map[string]string{
		"exhausted": "exhausted", "unanswered": "unanswered", "undeliverable": "undeliverable",
	} {
		w := newWorld(t)
		w.signIn(bobToken)
		everyState(w)
		_, page := w.get("order?id=" + order)
		sent := form(t, page, "act", "dismiss-reason")
		sent.Set("act", "dismiss")
		sent.Set("reason", " ")
		resp, again := w.post("act", sent)
		if resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(again, `<details class="decide" open>`+"\n<summary>Dismiss") {
			t.Errorf("%s without a reason: %d", order, resp.StatusCode)
		}
		sent.Set("reason", "its owner has\nstarted it again")
		if resp, _ := w.post("act", sent); resp.StatusCode != http.StatusSeeOther {
			t.Errorf("%s: %d", order, resp.StatusCode)
		}
		if resp, _ := w.post("act", sent); resp.StatusCode != http.StatusSeeOther { // a second click
			t.Errorf("%s again: %d", order, resp.StatusCode)
		}
		for _, list := range []string{"?state=" + state, "?state=attention"} {
			if _, page := w.get(list); strings.Contains(page, "order?id="+order+`"`) {
				t.Errorf("%s lists %s", list, order)
			}
		}
		_, page = w.get("order?id=" + order)
		if !strings.Contains(page, "an operator has dismissed") || !strings.Contains(page, "started it again") ||
			strings.Contains(page, "dismiss-reason") || strings.Contains(page, `value="redrive"`) {
			t.Errorf("%s: %s", order, style.ReplaceAllString(page, ""))
		}
		if isExhausted := order == "exhausted"; strings.Contains(page, `action="redrive"`) != isExhausted {
			t.Errorf("%s: a dismissed callback can be redriven, and nothing else", order)
		}
	}
	w := newWorld(t)
	w.signIn(bobToken)
	everyState(w)
	for _, order := range []string{"pending", "retrying", "owed", "delivered", "cancelled"} {
		if _, page := w.get("order?id=" + order); strings.Contains(page, "dismiss-reason") {
			t.Errorf("%s needs no attention", order)
		}
	}
}
