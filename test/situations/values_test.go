package situations

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func decodeObject(t *testing.T, body string) map[string]any {
	t.Helper()
	var object map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &object))
	return object
}

func TestPlusBecameSpaceInToken(t *testing.T) {
	t.Parallel()
	r := start(t, "plus-became-space-in-token")
	token := r.token() + "+/x=="
	for what, mangled := range map[string]string{
		"a space for each plus": strings.ReplaceAll(token, "+", " "),
		"percent signs":         url.QueryEscape(token),
		"a line end":            token + "\n",
		"quotation marks":       `"` + token + `"`,
	} {
		body, err := json.Marshal(map[string]string{"orderId": "A-1", "taskToken": mangled})
		require.NoError(t, err)
		r.put(string(body), nil)
		reason, _ := r.deadLetter()
		require.Contains(t, reason, "token", what)
		require.NotContains(t, reason, token[:20], what)
	}
	require.Nil(t, r.order("A-1"), "nobody is asked in vain")
	r.asked("A-2")
	r.isAnsweredAfterDecision("A-2")
}

func TestApproversAsOneText(t *testing.T) {
	t.Parallel()
	r := start(t, "approvers-as-one-text", "@SMTP@", "1")
	for _, body := range r.lines("requests.ndjson") {
		got := r.ask("orders", body)
		require.Equal(t, http.StatusAccepted, got.status, got.text)
		order := got.field("orderId")
		require.Equal(t, http.StatusForbidden, r.decide(order, "eve@example.com").status, body)
		require.Equal(t, http.StatusOK, r.decide(order, "ann@example.com").status, body)
	}
}

func TestRequesterInAnotherForm(t *testing.T) {
	t.Parallel()
	r := start(t, "requester-in-another-form")
	for _, name := range []string{"request.json", "request-arn.json"} {
		got := r.ask("orders", r.read(name))
		require.Equal(t, http.StatusAccepted, got.status, got.text)
		order := got.field("orderId")
		require.Equal(t, http.StatusForbidden, r.decide(order, "ann@example.com").status, name)
		require.Equal(t, http.StatusForbidden, r.decide(order, "ANN@Example.COM").status, name)
		require.Equal(t, http.StatusOK, r.decide(order, "bob@example.com").status, name)
	}
}

func TestCommentTooLong(t *testing.T) {
	t.Parallel()
	r := start(t, "comment-too-long")
	body := strings.TrimSuffix(r.read("body.json"), "\n")
	sent := decodeObject(t, body)
	run := sent["workflow_run"].(map[string]any)["id"]
	order := fmt.Sprintf("%.0f", run)
	token := r.asked(order)
	post := func(body string) answer {
		return r.post("github", body, "X-GitHub-Event", "deployment_review", "X-Hub-Signature-256", hubSignature(body))
	}
	got := post(body)
	require.Equal(t, http.StatusOK, got.status, got.text)
	r.isAnswered(token)
	vote := r.pending(order).Votes[0]
	require.Equal(t, sent["comment"], vote.Comment, "5,000 characters are kept whole")

	order2 := "42424242"
	token = r.asked(order2)
	longer := strings.ReplaceAll(body, order, order2)
	longer = strings.Replace(longer, "LGTM", strings.Repeat("LGTM ", 20000), 1)
	got = post(longer)
	require.Equal(t, http.StatusOK, got.status, got.text)
	r.isAnswered(token)
	vote = r.pending(order2).Votes[0]
	require.Contains(t, vote.Comment, "cut", "what does not fit is cut, and says so")
	require.Less(t, len(vote.Comment), 40000)
	require.Equal(t, http.StatusUnprocessableEntity, post(strings.Replace(body, `"approved"`, `"rejected", "workflow_run_": 1`, 1)+"x").status)
}

func hubSignature(body string) string {
	return fmt.Sprintf("sha256=%x", macOf([]byte(sharedSecret), body))
}

func TestDetailOrTitleTooLong(t *testing.T) {
	t.Parallel()
	r := start(t, "detail-or-title-too-long")
	body := r.read("request.json")
	got := r.ask("orders", body)
	require.Equal(t, http.StatusAccepted, got.status, got.text)
	details := r.pending("A-1").Details
	require.Len(t, details, 1)
	require.Equal(t, decodeObject(t, body)["notes"], details[0].Value, "3,000 characters are kept whole")
	got = r.ask("plain", r.read("title.json"))
	require.Equal(t, http.StatusAccepted, got.status, got.text)
	require.NotEmpty(t, r.pending("A-2").Title)

	huge := strings.Replace(body, "long note", strings.Repeat("long note ", 20000), 1)
	huge = strings.Replace(huge, `"A-1"`, `"A-3"`, 1)
	huge = strings.Replace(huge, decodeObject(t, body)["taskToken"].(string), r.token(), 1)
	got = r.ask("orders", huge)
	require.Equal(t, http.StatusAccepted, got.status, got.text)
	require.Contains(t, r.pending("A-3").Details[0].Value, "cut")
	got = r.ask("orders", strings.Replace(body, `"A-1"`, `"`+strings.Repeat("A", 300)+`"`, 1))
	require.Equal(t, http.StatusUnprocessableEntity, got.status, "an ID is never cut")
}

func TestIDsThatLookTheSame(t *testing.T) {
	t.Parallel()
	r := start(t, "ids-that-look-the-same")
	got := r.ask("orders", r.read("request.json"))
	require.Equal(t, http.StatusAccepted, got.status, got.text)
	order := strings.TrimRight(r.read("order-id-of-the-decision.txt"), "\n")
	require.Equal(t, "waiting", r.decide("Grösse-1", "ann@example.com").field("verdict"), "another ID is another order")
	for _, id := range []string{order, order + " ", "\u00a0" + order} {
		got = r.decide(id, "ann@example.com")
		require.Equal(t, http.StatusOK, got.status, got.text)
		require.Contains(t, []string{"decided", "repeated"}, got.field("verdict"), "%q", id)
	}
}

func TestOrderIDsInPaths(t *testing.T) {
	t.Parallel()
	r := start(t, "order-ids-in-paths")
	var ids []string
	require.NoError(t, json.Unmarshal([]byte(r.read("ids.json")), &ids))
	for _, id := range ids {
		body, err := json.Marshal(map[string]string{"orderId": id, "taskToken": r.token()})
		require.NoError(t, err)
		got := r.ask("orders", string(body))
		if id == "." || id == ".." {
			require.Equal(t, http.StatusUnprocessableEntity, got.status, "%q cannot be reached in a path", id)
			continue
		}
		require.Equal(t, http.StatusAccepted, got.status, got.text)
		require.NotNil(t, r.order(id), "%q", id)
		r.isAnsweredAfterDecision(id)
	}
	require.Nil(t, r.order("A/2"))
}

func TestMoneyLosesItsZeros(t *testing.T) {
	t.Parallel()
	r := start(t, "money-loses-its-zeros")
	got := r.ask("orders", r.read("request.json"))
	require.Equal(t, http.StatusAccepted, got.status, got.text)
	values := map[string]string{}
	for _, d := range r.pending("A-1").Details {
		values[d.Name] = d.Value
	}
	require.Equal(t, map[string]string{"orderTotal": "19.90", "fee": "1250.10", "limit": "12345678901234567.89"}, values)
	for what, id := range map[string]string{"rounded": "1.2345678901234568e+19", "a fraction": "1.5"} {
		got = r.ask("orders", fmt.Sprintf(`{"orderId":%s,"taskToken":%q}`, id, r.token()))
		require.Equal(t, http.StatusUnprocessableEntity, got.status, what)
	}
	got = r.ask("orders", fmt.Sprintf(`{"orderId":12345678901234567890123,"taskToken":%q}`, r.token()))
	require.Equal(t, "12345678901234567890123", got.field("orderId"), "digits stay exact")
}

func TestMapStateOneOrder(t *testing.T) {
	t.Parallel()
	r := start(t, "map-state-one-order")
	requests := r.lines("requests.ndjson")
	for _, body := range requests {
		r.put(body, nil)
	}
	r.eventually("all branches wait", func() bool {
		o := r.order("A-1")
		return o != nil && len(o.Approvals) == len(requests)
	})
	got := r.decide("A-1", "ann@example.com")
	if got.status == http.StatusAccepted { // while the tasks are asked whether they still wait
		got = answer{status: http.StatusConflict}
	}
	require.Equal(t, http.StatusConflict, got.status, got.text)
	r.eventually("each link decides its own branch", func() bool { return len(r.links()) >= len(requests) })
	for _, a := range r.order("A-1").Approvals {
		got = r.asProgram(http.MethodPost, "/v1/orders/A-1/decisions",
			fmt.Sprintf(`{"decision":"approve","decidedBy":"ann@example.com","approvalId":%q}`, a.ApprovalID))
		require.Contains(t, []int{http.StatusOK}, got.status, got.text)
	}
	for _, body := range requests {
		r.isAnswered(decodeObject(t, body)["taskToken"].(string))
	}
}

func TestMoreThan100Steps(t *testing.T) {
	t.Parallel()
	r := start(t, "more-than-100-steps")
	for n := range 130 {
		body := strings.Replace(r.read("request.json"), "line-N", fmt.Sprintf("line-%d", n), 1)
		got := r.ask("orders", body)
		require.Equal(t, http.StatusAccepted, got.status, got.text)
	}
	require.Len(t, r.order("A-1").Approvals, 130)
	got := r.ask("orders", r.fill(`{"orderId":"A-1","step":"line-131","taskToken":""}`))
	require.Equal(t, http.StatusUnprocessableEntity, got.status)
}

// A sender that writes a missing value into a text sends the same ID for every order. And what was read in a way that may
// surprise is said in the answer.
func TestMissingValuesAsTexts(t *testing.T) {
	t.Parallel()
	r := start(t, "order-ids-in-paths")
	for _, body := range []string{
		`{"orderId":"undefined","taskToken":"{{TOKEN}}"}`,
		`{"orderId":"[object Object]","taskToken":"{{TOKEN}}"}`,
		`{"orderId":"A-1","taskToken":"{{TOKEN}}","approvers":["undefined"]}`,
	} {
		got := r.ask("orders", r.fill(body))
		require.Equal(t, http.StatusUnprocessableEntity, got.status, got.text)
		require.Contains(t, got.text, "missing value")
	}
	got := r.ask("orders", r.fill(`{"orderId":"A-1","taskToken":"{{TOKEN}}","order":{"approvers":["eve@example.com"]}}`))
	require.Equal(t, http.StatusAccepted, got.status, got.text)
	require.Contains(t, got.text, `"notes"`)
	require.Contains(t, got.text, "body.order.approvers")
	got = r.ask("orders", r.fill(`{"orderId":"undefined-1","taskToken":"{{TOKEN}}"}`))
	require.Equal(t, http.StatusAccepted, got.status, got.text)
	require.NotContains(t, got.text, `"notes"`)
}
