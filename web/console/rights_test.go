package console_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/role"
	"github.com/approval-relay/approval-relay/store"
)

// grant gives bob other rights than those of an admin.
func (w *world) grant(grants ...role.Grant) {
	w.t.Helper()
	w.grants = map[string]role.Grants{"bob": grants}
	w.build()
}

// everyForm lists the pages that change something, or that show more than a viewer sees.
var everyForm = []string{"refused", "decide", "act", "redrive", "controls"}

// A viewer is offered no form, and a form that a viewer sends all the same does nothing.
func TestViewerChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ask("A-1", time.Hour)
	w.letters = []store.DeadLetter{{ID: "1", Source: "request-refunds", ReasonCode: "odd"}}
	w.refuse(t)
	w.signIn(bobToken)
	_, order := w.get("order?id=A-1")
	decide, act := form(t, order, "decide", ""), form(t, order, "act", "")
	_, letters := w.get("dead-letters")
	redrive := form(t, letters, "redrive", "")
	_, refusals := w.get("refused")
	open := form(t, refusals, "refused", "")
	_, controls := w.get("controls")
	drain := form(t, controls, "controls", "Drain")
	drain.Set("workflow", "*")

	w.grant(role.Grant{Role: role.Viewer}) // the forms of before have valid nonces
	for page, sent := range map[string]url.Values{"decide": decide, "act": act, "redrive": redrive, "refused": open, "controls": drain} {
		sent.Set("reason", "because")
		if page != "redrive" && page != "refused" {
			sent.Set("act", map[string]string{"decide": "approve", "act": "remind", "controls": "pause"}[page])
		}
		resp, text := w.post(page, sent)
		require.Equal(t, http.StatusForbidden, resp.StatusCode, page)
		require.Contains(t, text, "You may not do this", page)
	}
	require.Equal(t, approval.Pending, w.order("A-1").Approvals[0].Status)
	require.Empty(t, w.order("A-1").Approvals[0].Votes)
	require.Empty(t, w.order("A-1").Approvals[0].Acts)
	require.Empty(t, w.runs)
	require.Empty(t, w.controls)

	for _, page := range []string{"", "?state=all", "?state=exhausted", "order?id=A-1", "dead-letters", "refused", "controls"} {
		resp, text := w.get(page)
		require.Equal(t, http.StatusOK, resp.StatusCode, page)
		for _, action := range everyForm {
			require.NotContains(t, text, `method="post" action="`+action+`"`, page)
		}
	}
	resp, _ := w.post("signout", form(t, order, "signout", ""))
	require.Equal(t, http.StatusSeeOther, resp.StatusCode, "everybody may sign out")
}

// refuse records a refusal with a body.
func (w *world) refuse(t *testing.T) {
	t.Helper()
	w.refused.RecordRefusal(t.Context(), refusal.Refusal{
		Source: "decision-erp",
		Code:   refusal.Mismatch,
		Detail: "the signature of payroll",
		Status: http.StatusUnauthorized,
		Body:   []byte("secret body"),
	})
}

// An operator of a workflow sees nothing of the others: no orders, counts, dead letters, refusals or search results.
func TestOperatorOfAWorkflowSeesItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ask("A-1", time.Hour)
	w.ask("A-2", time.Hour, func(r *approval.Request) { r.Workflow = "payroll" })
	w.ask("A-3", time.Hour, func(r *approval.Request) { r.Workflow, r.Step = "payroll", "salary" })
	w.ask("A-3", time.Hour, func(r *approval.Request) { r.Token = approval.NewToken("other") })
	w.letters = []store.DeadLetter{{ID: "1", Source: "request-payroll"}, {ID: "2", Source: "decision-erp"}}
	w.counts = store.Stats{
		Workflows:   map[string]store.WorkflowStats{"refunds": {Pending: 2}, "payroll": {Pending: 7001}},
		Exhausted:   7002,
		DeadLetters: 7003,
	}
	w.refuse(t)
	w.grant(role.Grant{Role: role.Operator, Workflows: []string{"refunds"}})
	w.signIn(bobToken)
	for _, page := range []string{
		"", "?state=all", "?state=attention", "?filter=open", "?state=all&q=sal", "controls", "order?id=A-1", "order?id=A-2", "order?id=A-3", "order?id=A-", "order?id=A", "dead-letters",
		"refused", "refused?source=decision-erp",
	} {
		_, text := w.get(page)
		text = nonces.ReplaceAllString(style.ReplaceAllString(text, ""), "")
		for _, hidden := range []string{"payroll", "salary", "7001", "7,001", "7002", "7,002", "7003", "7,003", `href="order?id=A-2"`, "request-orders"} {
			require.NotContains(t, text, hidden, page)
		}
	}
	_, order := w.get("order?id=A-1")
	require.Contains(t, order, `action="decide"`)
	resp, _ := w.get("order?id=A-2")
	require.Equal(t, "./?q=A-2&state=all", resp.Header.Get("Location"), "as for an order that does not exist")
	_, found := w.get("?q=A-2&state=all")
	require.Empty(t, listed(found))
}

// An operator of a workflow controls that workflow only, and sees what holds for it.
func TestControlsOfAWorkflow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.controls = []store.Control{
		{Mode: store.ControlDrain, By: "ada", Reason: "upgrade"},
		{Workflow: "payouts", Mode: store.ControlPause, By: "ada", Reason: "secret of payouts"},
	}
	w.grant(role.Grant{Role: role.Operator, Workflows: []string{"refunds"}})
	w.signIn(bobToken)
	_, page := w.get("controls")
	require.Contains(t, page, "upgrade")
	require.Contains(t, page, `Controls <span class="count warn">1</span>`)
	require.NotContains(t, page, "payouts")
	require.NotContains(t, page, ">Resume")
	require.NotContains(t, page, `<option value="*">`)
	sent := form(t, page, "controls", "Drain")
	sent.Set("reason", "x")
	for _, act := range []string{"drain", "pause", "resume"} {
		for _, workflow := range []string{"*", "cGF5b3V0cw"} {
			sent.Set("act", act)
			sent.Set("workflow", workflow)
			resp, _ := w.post("controls", sent)
			require.Contains(t, []int{http.StatusForbidden, http.StatusConflict}, resp.StatusCode, act+workflow)
		}
	}
	require.Len(t, w.controls, 2)
	sent.Set("act", "pause")
	sent.Set("workflow", "cmVmdW5kcw")
	resp, _ := w.post("controls", sent)
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
	require.Equal(t, "bob", w.controls[2].By)
}

// Who sees everything and acts on one workflow is offered the forms of that workflow only.
func TestFormsOfAWorkflow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ask("A-1", time.Hour)
	w.ask("A-2", time.Hour, func(r *approval.Request) { r.Workflow = "payroll" })
	w.grant(role.Grant{Role: role.Viewer}, role.Grant{Role: role.Operator, Workflows: []string{"refunds"}})
	w.signIn(bobToken)
	_, own := w.get("order?id=A-1")
	require.Contains(t, own, `action="decide"`)
	_, other := w.get("order?id=A-2")
	require.Contains(t, other, "payroll")
	require.NotContains(t, other, `action="decide"`)
	require.NotContains(t, other, `action="act"`)
}

// A token for metrics opens no session, and a session ends if its token becomes one.
func TestMetricsTokenDoesNotSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(bobToken)
	w.grant(role.Grant{Role: role.Scraper})
	resp, _ := w.get("")
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
	resp = w.signIn(bobToken)
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
	require.Empty(t, resp.Cookies())
	require.Contains(t, w.log.String(), "signed in", "before")
}
