package console_test

import (
	"net/http"
	"strings"
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
	require.True(t, strings.Contains(page, "Confirmed, by bob"), "the timeline names the second operator")
	require.NotContains(t, page, `action="confirm"`)
}
