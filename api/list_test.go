package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/role"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/store/memory"
)

// fill stores approvals of two workflows: pending, undeliverable, exhausted and closed.
func fill(t *testing.T, s *memory.Store) {
	t.Helper()
	now := time.Now()
	for i, fate := range []string{"pending", "undeliverable", "exhausted", "approved", "pending", "pending"} {
		id := fmt.Sprint("L-", i)
		ask(t, s, id, now.Add(time.Duration(10-i)*time.Hour), func(r *approval.Request) {
			r.Workflow = []string{"orders", "refunds"}[i%2]
			r.Title = "Pay Ada " + fate
			r.Requester = "rita@example.com"
			r.Execution = "arn:aws:states:eu-west-1:123456789012:execution:Pay:run-" + fmt.Sprint(i)
			r.Approvers = []approval.Approver{{ID: "ann@example.com"}, {ID: fmt.Sprintf("p%d@example.com", i)}}
		})
		require.NoError(t, s.Update(t.Context(), id, func(o *approval.Order) error {
			a := o.Approvals[0]
			a.RequestedAt = now.Add(-time.Duration(i+1) * time.Hour)
			a.Undeliverable = fate == "undeliverable"
			switch fate {
			case "exhausted":
				a.Status, a.ClosedAt = approval.Rejected, now.Add(-30*time.Minute)
				a.Callback = approval.Callback{State: approval.CallbackExhausted, EndedAt: now}
			case "approved":
				a.Status, a.ClosedAt = approval.Approved, now.Add(-90*time.Minute)
				a.Callback = approval.Callback{State: approval.CallbackDelivered, EndedAt: now}
			}
			return nil
		}))
	}
}

func TestListOfApprovals(t *testing.T) {
	t.Parallel()
	h, s, _ := site(t)
	fill(t, s)
	inHalfHours := func(n int) string {
		return url.QueryEscape(time.Now().Add(time.Duration(n) * 30 * time.Minute).Format(time.RFC3339))
	}
	for query, want := range map[string]string{
		"":                                    "0 1 2 3 4 5",
		"?state=":                             "0 1 2 3 4 5",
		"?state=all":                          "0 1 2 3 4 5",
		"?state=pending":                      "0 1 4 5",
		"?state=undeliverable":                "1",
		"?state=exhausted":                    "2",
		"?state=unanswered":                   "",
		"?state=retrying":                     "",
		"?state=attention":                    "1 2",
		"?state=closed":                       "2 3",
		"?workflow=refunds":                   "1 3 5",
		"?workflow=refund":                    "",
		"?approver=ANN@example.com":           "0 1 2 3 4 5",
		"?approver=p3@example.com":            "3",
		"?waits_for=p3@example.com":           "",
		"?waits_for=p4@example.com":           "4",
		"?requester=rita@example.com":         "0 1 2 3 4 5",
		"?requester=rob@example.com":          "",
		"?execution=run-4":                    "4",
		"?q=ADA+exh":                          "2",
		"?q=p1@":                              "1",
		"?q=%20l-5%20":                        "5",
		"?older_than=3h30m":                   "3 4 5",
		"?older_than=1d":                      "",
		"?deadline_before=330m":               "5",
		"?deadline_before=" + inHalfHours(11): "5",
		"?closed_after=1h":                    "2",
		"?closed_before=1h":                   "3",
		"?closed_after=2026-01-01":            "2 3",
		"?sort=age&state=pending":             "5 4 1 0",
		"?sort=-age&state=pending":            "0 1 4 5",
		"?sort=deadline&workflow=orders":      "4 2 0",
		"?sort=-order&workflow=orders":        "4 2 0",
		"?sort=order&workflow=orders":         "0 2 4",
		"?sort=closed":                        "3 2 0 1 4 5",
		"?sort=-closed&state=closed":          "2 3",
		"?state=pending&workflow=refunds":     "1 5",
	} {
		for _, limit := range []string{"", "1", "2"} {
			require.Equal(t, want, listNumbers(t, h.OperatorHandler(), query, limit), "%s, limit %s", query, limit)
		}
	}
}

// listNumbers returns the numbers of the listed orders, of all pages.
func listNumbers(t *testing.T, h http.Handler, query, limit string) string {
	t.Helper()
	separator := "?"
	if query != "" {
		separator = "&"
	}
	if limit != "" {
		query += separator + "limit=" + limit
		separator = "&"
	}
	var numbers []string
	after := ""
	for range 10 {
		path := "/v1/orders" + query
		if after != "" {
			path += separator + "after=" + after
		}
		got := send(t, h, "GET", path, "", "Authorization", "Bearer operator")
		require.Equal(t, http.StatusOK, got.StatusCode, got.text)
		var page OrderList
		require.NoError(t, json.Unmarshal([]byte(got.text), &page))
		for _, o := range page.Orders {
			require.Len(t, o.Approvals, 1)
			numbers = append(numbers, strings.TrimPrefix(o.OrderID, "L-"))
		}
		if after = page.Next; after == "" {
			return strings.Join(numbers, " ")
		}
	}
	require.Fail(t, "the list has no end")
	return ""
}

// The approvals of an order are in one entry where they are neighbours. Only those are listed that the query selects.
func TestApprovalsOfAnOrder(t *testing.T) {
	t.Parallel()
	h, s, _ := site(t)
	for i, step := range []string{"1", "2", "3"} {
		ask(t, s, "A-1", time.Now().Add(time.Duration(i+1)*time.Hour), func(r *approval.Request) {
			r.Step, r.Token = step, approval.NewToken(step)
		})
	}
	ask(t, s, "A-2", time.Now().Add(90*time.Minute))
	require.NoError(t, s.Update(t.Context(), "A-1", func(o *approval.Order) error {
		o.Approvals[1].Status = approval.Cancelled
		return nil
	}))
	require.NoError(t, s.Update(t.Context(), "early", func(o *approval.Order) error {
		o.Unmatched = append(o.Unmatched, approval.UnmatchedDecision{Decision: approval.Decision{ID: "d"}})
		return nil
	}))
	list := func(query string) (entries []string) {
		got := send(t, h.OperatorHandler(), "GET", "/v1/orders?"+query, "", "Authorization", "Bearer operator")
		var page OrderList
		require.NoError(t, json.Unmarshal([]byte(got.text), &page), got.text)
		for _, o := range page.Orders {
			var steps strings.Builder
			for _, a := range o.Approvals {
				steps.WriteString(a.Step)
			}
			entries = append(entries, fmt.Sprintf("%s:%s:%d", o.OrderID, steps.String(), len(o.UnmatchedDecisions)))
		}
		return entries
	}
	require.Equal(t, []string{"A-1:123:0", "A-2::0", "early::1"}, list(""))
	require.Equal(t, []string{"A-1:13:0", "A-2::0"}, list("state=pending"))
	require.Equal(t, []string{"A-1:1:0", "A-2::0", "A-1:3:0"}, list("state=pending&sort=deadline"))
	require.Equal(t, []string{"A-1:12:0"}, list("limit=2"))
}

func TestInvalidFilters(t *testing.T) {
	t.Parallel()
	h, s, _ := site(t)
	fill(t, s)
	page := send(t, h.OperatorHandler(), "GET", "/v1/orders?sort=deadline&limit=1", "", "Authorization", "Bearer operator")
	var list OrderList
	require.NoError(t, json.Unmarshal([]byte(page.text), &list))
	for query, field := range map[string]string{
		"state=exausted":              "state",
		"sort=old":                    "sort",
		"sort=-":                      "sort",
		"sort=--age":                  "sort",
		"older_than=old":              "older_than",
		"older_than=-1h":              "older_than",
		"older_than=-1d":              "older_than",
		"older_than=99999999999d":     "older_than",
		"deadline_before=tomorrow":    "deadline_before",
		"closed_after=2026-13-01":     "closed_after",
		"closed_before=1":             "closed_before",
		"limit=0":                     "limit",
		"limit=1001":                  "limit",
		"sort=age&after=L-1":          "after",
		"sort=age&after=" + list.Next: "after",
		"sort=deadline&state=closed&after=" + list.Next: "after",
	} {
		got := send(t, h.OperatorHandler(), "GET", "/v1/orders?"+query, "", "Authorization", "Bearer operator")
		require.Equal(t, http.StatusUnprocessableEntity, got.StatusCode, query)
		require.Equal(t, field, got.problem.Field, query)
	}
	for query, field := range map[string]string{"state=x": "state", "format=xls": "format", "closed_after=x": "closed_after"} {
		got := send(t, h.OperatorHandler(), "GET", "/v1/export?"+query, "", "Authorization", "Bearer operator")
		require.Equal(t, http.StatusUnprocessableEntity, got.StatusCode, query)
		require.Equal(t, field, got.problem.Field, query)
	}
}

// An export has every selected approval of many pages, in both formats, and goes on after an order.
func TestExport(t *testing.T) {
	t.Parallel()
	h, s, _ := site(t)
	const orders = 2*exportPage + 7
	for i := range orders {
		ask(t, s, fmt.Sprintf("E-%04d", i), time.Now().Add(time.Hour), func(r *approval.Request) {
			r.Workflow = []string{"orders", "refunds"}[i%2]
		})
	}
	get := func(query string) reply {
		return send(t, h.OperatorHandler(), "GET", "/v1/export"+query, "", "Authorization", "Bearer operator")
	}
	got := get("?workflow=orders")
	require.Equal(t, http.StatusOK, got.StatusCode)
	require.Equal(t, `attachment; filename="approvals.csv"`, got.Header.Get("Content-Disposition"))
	rows, err := csv.NewReader(strings.NewReader(got.text)).ReadAll()
	require.NoError(t, err)
	require.Equal(t, exportColumns(), rows[0])
	require.Len(t, rows, 1+(orders+1)/2)
	require.Equal(t, []string{"E-0002", "pending", "orders"}, []string{rows[2][0], rows[2][2], rows[2][3]})

	got = get("?format=jsonl&after=E-0401")
	require.Equal(t, "application/jsonl", got.Header.Get("Content-Type"))
	lines := strings.Split(strings.TrimSuffix(got.text, "\n"), "\n")
	require.Len(t, lines, orders-402)
	var line ExportedApproval
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &line))
	require.Equal(t, "E-0402", line.OrderID)
	require.Equal(t, approval.Pending, line.Approval.Status)
	require.NotContains(t, got.text, "secret of", "the task token")

	require.Equal(t, strings.Join(exportColumns(), ",")+"\n", get("?state=closed").text)
	require.Empty(t, get("?state=closed&format=jsonl").text)
}

// failingList fails from its third page on.
type failingList struct {
	*memory.Store
	pages atomic.Int32
}

func (l *failingList) List(ctx context.Context, q store.OrderQuery) ([]*approval.Order, string, error) {
	if l.pages.Add(1) > 2 {
		return nil, "", errors.New("the disk is on fire")
	}
	return l.Store.List(ctx, q)
}

// An export that fails in the middle breaks the connection off, so that the caller does not take it for the whole.
func TestExportThatFails(t *testing.T) {
	t.Parallel()
	h, s, _ := site(t)
	for i := range 3 * exportPage {
		ask(t, s, fmt.Sprintf("E-%04d", i), time.Now().Add(time.Hour))
	}
	list := &failingList{Store: s}
	h.OperatorAPI.Lister = role.View{Records: list}
	server := httptest.NewServer(h.OperatorHandler())
	t.Cleanup(server.Close)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/v1/export?format=jsonl", nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer operator")
	resp, err := server.Client().Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	var body bytes.Buffer
	_, err = body.ReadFrom(resp.Body)
	require.Error(t, err)
	require.Positive(t, strings.Count(body.String(), "\n"))

	list.pages.Store(2)
	got := send(t, h.OperatorHandler(), "GET", "/v1/export", "", "Authorization", "Bearer operator")
	require.Equal(t, http.StatusServiceUnavailable, got.StatusCode, "nothing was written yet")
}

// Nobody adds a vote or a detail to the lists of an export by what they write.
func TestPartsOfCells(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	a := &approval.Approval{}
	a.Approvers = []approval.Approver{{ID: "ann@example.com"}, {ID: "bob"}}
	a.Votes = []approval.Vote{{
		By:      "eve",
		Outcome: approval.Reject,
		Via:     approval.ViaLink,
		At:      day,
		Comment: "no; approve by boss via sso at 2026-10-01T00:00:00Z",
	}, {By: "bob", Outcome: approval.Approve, Via: approval.ViaLink, At: day, Comment: "fine, go"}}
	a.Details = []approval.Field{
		{Name: "Note", Value: `a "small" order`},
		{Name: "Amount", Value: "5 EUR"},
		{Name: "X", Value: "1\nY: 2"},
	}
	cells := exportCells("A-1", a)
	cellOf := func(name string) string { return cells[slices.Index(exportColumns(), name)] }
	require.Equal(t, "ann@example.com; bob", cellOf("approvers"))
	require.Equal(t, `reject by eve via link at 2026-10-01T00:00:00Z, comment: `+
		`"no; approve by boss via sso at 2026-10-01T00:00:00Z"; `+
		`approve by bob via link at 2026-10-01T00:00:00Z, comment: fine, go`, cellOf("votes"))
	require.Equal(t, `Note: "a \"small\" order"; Amount: 5 EUR; X: "1\nY: 2"`, cellOf("details"))
}

func TestCellsAreInert(t *testing.T) {
	t.Parallel()
	o, a := &approval.Order{ID: "=1"}, &approval.Approval{}
	a.Title = "=cmd|' /C calc'!A0"
	a.Approvers = []approval.Approver{{ID: "ann@example.com"}, {ID: "=1"}}
	a.Votes = []approval.Vote{{By: "x;=1", Outcome: approval.Approve, Comment: "=1+1\n=2"}}
	a.Details = []approval.Field{{Name: "=1", Value: "=HYPERLINK(1)"}, {Name: "b", Value: "c; =1"}}
	cells := exportCells(o.ID, a)
	require.Len(t, cells, len(exportColumns()))
	for _, cell := range cells {
		require.NotRegexp(t, `(^|[;\n])[\s"]*[=+@-]`, cell)
	}
}

// An operator of one workflow lists and exports the approvals of that workflow only, whatever the filter.
func TestListsKeepWithinTheScope(t *testing.T) {
	t.Parallel()
	h, s, _ := site(t, ofRoles)
	fill(t, s)
	for _, path := range []string{"/v1/orders", "/v1/orders?q=ada", "/v1/export", "/v1/export?format=jsonl", "/v1/export?q=L-"} {
		got := send(t, h.OperatorHandler(), "GET", path, "", "Authorization", "Bearer orders-auditor")
		require.Equal(t, http.StatusOK, got.StatusCode, path)
		require.Contains(t, got.text, "L-0", path)
		require.Contains(t, got.text, "L-4", path)
		require.NotContains(t, got.text, "L-1", path)
		require.NotContains(t, got.text, "refunds", path)
	}
	got := send(t, h.OperatorHandler(), "GET", "/v1/orders?workflow=refunds", "", "Authorization", "Bearer orders-auditor")
	require.JSONEq(t, `{"orders":[]}`, got.text)
}
