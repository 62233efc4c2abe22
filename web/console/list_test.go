package console_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/role"
	"github.com/approval-relay/approval-relay/store"
)

var (
	ok      = approval.Result{Kind: approval.ResultOK}
	denied  = approval.Result{Kind: approval.ResultRefused, Reason: "AccessDenied", ReasonCode: approval.ReasonDenied}
	closed  = approval.Result{Kind: approval.ResultClosed, Reason: "TaskTimedOut"}
	failing = approval.Result{Kind: approval.ResultFailed, Reason: "connection refused", After: 5 * time.Minute}
)

// everyState asks for an approval in each state that the list knows. An order is named after its state.
func everyState(w *world) {
	w.end("pending", w.ask("pending", 26*time.Hour, func(a *approval.Request) {
		a.Workflow, a.Title = "payouts", "Payout to Northwind"
		a.Deadline = start.Add(20 * time.Hour)
	}), ok)
	w.end("urgent", w.ask("urgent", time.Hour, func(a *approval.Request) {
		a.Deadline = start.Add(10 * time.Minute)
		a.Approvers = []approval.Approver{{ID: "greta@example.com"}}
		a.Policy = approval.Policy{Kind: approval.PolicyAny}
	}), ok)
	w.end("retrying", w.ask("retrying", 2*time.Hour), failing)
	w.end("undeliverable", w.ask("undeliverable", 30*time.Second), approval.Result{Kind: approval.ResultRefused, Reason: "user unknown"})
	for order, result := range map[string]approval.Result{"delivered": ok, "exhausted": denied, "owed": failing, "unanswered": closed} {
		w.ask(order, 5*time.Hour)
		w.end(order, w.approve(order), result)
	}
	w.ask("cancelled", 90*time.Minute)
	w.order("cancelled").Cancel("", "ada", "ordered twice", w.turn())
}

var orderLinks = regexp.MustCompile(`<a class="order"[^>]*>([^<]*)</a>`)

// listed returns the orders of a page, in their order.
func listed(page string) []string {
	var out []string
	for _, m := range orderLinks.FindAllStringSubmatch(page, -1) {
		out = append(out, m[1])
	}
	return out
}

// TestLists holds that each state, filter and order of the list shows exactly its approvals.
func TestLists(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"":                                    "pending retrying urgent undeliverable",
		"?state=pending":                      "pending retrying urgent undeliverable",
		"?state=pending&sort=deadline":        "urgent pending retrying undeliverable",
		"?state=undeliverable":                "undeliverable",
		"?state=retrying":                     "owed retrying",
		"?state=exhausted":                    "exhausted",
		"?state=unanswered":                   "unanswered",
		"?state=attention&sort=order":         "exhausted owed retrying unanswered undeliverable",
		"?state=closed&sort=order":            "cancelled delivered exhausted owed unanswered",
		"?state=all":                          "cancelled delivered exhausted owed pending retrying unanswered undeliverable urgent",
		"?workflow=payouts":                   "pending",
		"?workflow=pay":                       "",
		"?approver=greta%40example.com":       "urgent",
		"?approver=Greta%40example.com":       "urgent",
		"?q=northwind":                        "pending",
		"?q=URG":                              "urgent",
		"?q=GRACE":                            "pending retrying urgent undeliverable",
		"?state=all&q=refunds%3A1&sort=order": "cancelled delivered exhausted owed pending retrying unanswered undeliverable urgent",
		"?state=all&requester=Grace%40example.com&workflow=payouts": "pending",
		"?state=all&execution=nowhere":                              "",
		"?deadline_before=1d&sort=deadline":                         "urgent pending",
		"?older_than=90m":                                           "pending retrying",
		"?deadline_before=1h":                                       "urgent",
		"?deadline_before=24h&sort=deadline":                        "urgent pending",
		"?state=closed&closed_after=1h&sort=order":                  "cancelled delivered exhausted owed unanswered",
		"?state=closed&q=owed&closed_after=":                        "owed",
		"?state=&workflow=&approver=&q=&sort=&older_than=&deadline_before=&closed_after=": "pending retrying urgent undeliverable",
	} {
		w := newWorld(t)
		w.signIn(adaToken)
		everyState(w)
		resp, page := w.get(address)
		if got := strings.Join(listed(page), " "); got != want || resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %q, want %q", address, resp.StatusCode, got, want)
		}
	}
}

// TestWhatWaits holds that the pending list of an approver leaves out what the approver has decided.
func TestWhatWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(adaToken)
	w.ask("A-1", time.Hour)
	w.ask("A-2", time.Hour)
	if _, _, err := w.order("A-1").Decide(approval.Decision{
		ID: "1", Outcome: approval.Approve, By: "alan@example.com", Via: approval.ViaLink, Source: "link",
	}, approval.UnmatchedRetention{}, w.turn()); err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string][]string{
		"?approver=alan%40example.com":           {"A-2"},
		"?approver=barbara%40example.com":        {"A-1", "A-2"},
		"?state=all&approver=alan%40example.com": {"A-1", "A-2"},
	} {
		if _, page := w.get(address); !slices.Equal(listed(page), want) {
			t.Errorf("%s: %q", address, listed(page))
		}
	}
}

// TestListFaults holds that a wrong address is refused, and not taken for another.
func TestListFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(adaToken)
	w.ask("A-1", time.Hour)
	for _, address := range []string{
		"?state=Pending", "?state=decided", "?sort=up", "?older_than=4", "?older_than=-4h", "?older_than=-1d", "?older_than=xd", "?deadline_before=soon",
		"?closed_after=x", "?after=no+place", "?state=closed&after=no+place",
	} {
		if resp, page := w.get(address); resp.StatusCode != http.StatusUnprocessableEntity || len(listed(page)) > 0 {
			t.Errorf("%s: %d %q", address, resp.StatusCode, listed(page))
		}
	}
}

var tileLinks = regexp.MustCompile(`<a[^>]* href="([^"]*)"`)

// TestTilesKeepTheFilter holds that the links to other states keep what is filtered, and that each of them works.
func TestTilesKeepTheFilter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(adaToken)
	everyState(w)
	_, page := w.get("?workflow=refunds&sort=deadline&q=e")
	_, tiles, _ := strings.Cut(page, `aria-label="By state"`)
	tiles, _, _ = strings.Cut(tiles, "</nav>")
	links := tileLinks.FindAllStringSubmatch(tiles, -1)
	if len(links) != 7 {
		t.Fatalf("%d tiles: %s", len(links), tiles)
	}
	for _, m := range links {
		address := strings.ReplaceAll(strings.TrimPrefix(m[1], "./"), "&amp;", "&")
		if resp, _ := w.get(address); resp.StatusCode != http.StatusOK || !strings.Contains(address, "workflow=refunds") ||
			!strings.Contains(address, "q=e") {
			t.Errorf("%s: %d", address, resp.StatusCode)
		}
	}
}

// TestManyWorkflows holds that a worker with hundreds of workflows has a page that can be read.
func TestManyWorkflows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(adaToken)
	everyState(w)
	w.countWorkflows(500)
	_, page := w.get("")
	if n := strings.Count(page, `</b>, the oldest for`); n != 12 {
		t.Errorf("%d tiles of workflows", n)
	}
	if !strings.Contains(page, "<bdi>w499</bdi>: <b>500</b>") || !strings.Contains(page, "488 more workflows") {
		t.Error("the workflows with the most approvals come first")
	}
}

// TestSearch holds that the field of every page finds an order by its ID, and otherwise leads to the list of all
// approvals in which the text occurs.
func TestSearch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(adaToken)
	everyState(w)
	if resp, _ := w.get("order?id=+urgent+"); resp.StatusCode != http.StatusOK {
		t.Error(resp.StatusCode)
	}
	for text, want := range map[string]string{"Northwind": "pending", "urg": "urgent", "nobody": ""} {
		resp, _ := w.get("order?id=" + text)
		to := resp.Header.Get("Location")
		if resp.StatusCode != http.StatusSeeOther || to != "./?q="+text+"&state=all" {
			t.Fatalf("%s: %d %q", text, resp.StatusCode, to)
		}
		_, page := w.get(strings.TrimPrefix(to, "./"))
		if got := strings.Join(listed(page), " "); got != want {
			t.Errorf("%s finds %q", text, got)
		}
	}
	if resp, _ := w.get("exhausted"); resp.Header.Get("Location") != "./?state=exhausted" {
		t.Error("the address of earlier versions leads to the list")
	}
}

// countWorkflows sets the counts of n workflows with 1 to n pending approvals.
func (w *world) countWorkflows(n int) {
	w.counts.Workflows = map[string]store.WorkflowStats{}
	for i := range n {
		w.counts.Workflows[fmt.Sprintf("w%03d", i)] = store.WorkflowStats{Pending: i + 1, Oldest: start.Add(-time.Hour)}
	}
}

// TestExport holds that the file has what the list has, for those who may have it, within their scope.
func TestExport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(bobToken)
	_, page := w.get("?workflow=refunds&approver=ann&sort=deadline&older_than=1d")
	if !strings.Contains(page, `href="export?format=csv&amp;older_than=24h&amp;state=pending&amp;waits_for=ann&amp;workflow=refunds"`) {
		t.Error(style.ReplaceAllString(page, ""))
	}
	_, page = w.get("?state=closed&approver=ann")
	if !strings.Contains(page, `href="export?approver=ann&amp;format=jsonl&amp;state=closed"`) {
		t.Error(style.ReplaceAllString(page, ""))
	}
	if _, file := w.get("export?state=all"); file != "{true []}state=all" {
		t.Error(file)
	}
	w.grant(role.Grant{Role: role.Auditor, Workflows: []string{"refunds"}})
	if _, file := w.get("export?state=all"); file != "{false [refunds]}state=all" {
		t.Error(file)
	}
	w.grant(role.Grant{Role: role.Viewer})
	if resp, _ := w.get("export?state=all"); resp.StatusCode != http.StatusForbidden {
		t.Error(resp.StatusCode)
	}
	if _, page := w.get(""); strings.Contains(page, "export?") {
		t.Error("a viewer is offered an export")
	}
	w.cookie = nil
	if resp, _ := w.get("export?state=all"); resp.StatusCode != http.StatusSeeOther {
		t.Error(resp.StatusCode)
	}
}
