package console_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
)

// The page offers a proposal to every operator but its own, and the confirmation is refused to that one all the same.
func TestConfirmOnThePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ask("A-1", time.Hour)
	env := w.turn()
	env.NeedsSecond = func(string) bool { return true }
	w.order("A-1").CancelBy(approval.Cancellation{ID: "p", Actor: approval.OperatorActor("ada", ""), Reason: "ordered <twice>"}, env)

	w.signIn(adaToken)
	_, page := w.get("order?id=A-1")
	require.Contains(t, page, "You proposed it")
	require.NotContains(t, page, `action="confirm"`)
	w.signIn(bobToken)
	_, page = w.get("order?id=A-1")
	require.Contains(t, page, "ordered &lt;twice&gt;")
	sent := form(t, page, "confirm", "")
	cookie := w.cookie
	w.signIn(adaToken)
	resp, _ := w.post("confirm", sent)
	require.Equal(t, http.StatusConflict, resp.StatusCode, "a form of another session")
	require.Equal(t, approval.Pending, w.order("A-1").Approvals[0].Status)

	w.cookie = cookie
	resp, _ = w.post("confirm", sent)
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
	require.Equal(t, approval.Cancelled, w.order("A-1").Approvals[0].Status)
	_, page = w.get("order?id=A-1")
	require.Contains(t, page, "Confirmed, by bob", "the timeline names the second operator")
	require.NotContains(t, page, `action="confirm"`)
}

// The second operator sees the choice and the values that they confirm, by their labels.
func TestProposalShowsChoiceAndValues(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ask("A-1", time.Hour, withChoices)
	env := w.turn()
	env.NeedsSecond = func(string) bool { return true }
	v, _, err := w.order("A-1").Decide(approval.Decision{
		ID:        "d-1",
		Outcome:   approval.Approve,
		Choice:    "up_to",
		Values:    []byte(`{"limit": 4999.5, "why": "<b>boss</b>", "tags": ["a", "b"], "sure": true}`),
		By:        "ada",
		Principal: approval.OperatorPrincipal("ada"),
		Comment:   "by phone",
		Via:       approval.ViaOperator,
		Source:    approval.OperatorSource,
	}, approval.UnmatchedRetention{}, env)
	require.NoError(t, err)
	require.Equal(t, approval.VerdictProposed, v.Code)

	w.signIn(bobToken)
	_, page := w.get("")
	require.Contains(t, page, "Waits for a second operator", "the list names what waits for somebody like bob")
	_, page = w.get("order?id=A-1")
	checkPage(t, "proposal with values", page)
	require.Contains(t, page, "Up to a &lt;limit&gt; (approve)")
	for name, value := range map[string]string{
		"Limit in EUR": "4999.5", "why": "&lt;b&gt;boss&lt;/b&gt;", "tags": "a, b", "sure": "true",
	} {
		require.Contains(t, page, "<dt><bdi>"+name+`</bdi></dt><dd dir="auto">`+value+"</dd>")
	}
	resp, _ := w.post("confirm", form(t, page, "confirm", ""))
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
	_, page = w.get("order?id=A-1")
	require.Contains(t, page, "confirmed by <bdi>bob</bdi>")
	_, page = w.get("?state=all")
	require.NotContains(t, page, "Waits for a second operator")
}

// The timeline has a line for a decision with any verdict.
func TestTimelineHasEveryVerdict(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(bobToken)
	w.ask("A-1", time.Hour)
	o := w.order("A-1")
	for _, code := range approval.AllVerdicts() {
		o.History = append(o.History, approval.Event{
			Kind:     approval.EventDecisionReceived,
			Approval: o.Approvals[0].ID,
			At:       w.now,
			Code:     string(code),
			Outcome:  approval.Approve,
			By:       "by-" + string(code),
			Via:      approval.ViaOperator,
		})
	}
	resp, page := w.get("order?id=A-1")
	require.Equal(t, http.StatusOK, resp.StatusCode)
	for _, code := range approval.AllVerdicts() {
		require.Contains(t, page, "by-"+string(code)+" ")
	}
	require.Contains(t, page, "by-proposed proposed to approve")
}
