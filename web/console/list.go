package console

import (
	"net/http"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/role"
)

// pageSize is the number of orders that a page lists.
const pageSize = 50

// listPage is a page of the list of approvals.
type listPage struct {
	frame
	Lead      string
	Empty     string // the text of a list without approvals
	States    []tileView
	Workflows []workflowView
	Further   int // number of workflows without a tile
	Filters   []filterView
	Filter    *filterForm // nil if the filter is not open
	OpenForm  string      // path of the page with the filter open
	Clear     string      // path of the list without filters
	Rows      []row
	LookedAt  string // number of orders, if the page ended before the end of the list
	First     bool   // it is the first page
	Start     string // path of the first page
	Next      string // path of the next page
	CSV       string // path of the whole list as a file, or empty
	JSON      string
	DryRun    string // nonce
}

func (c *Console) showList(w http.ResponseWriter, r *http.Request, s session) {
	if c.setRefresh(w, r) {
		return
	}
	q, err := readListQuery(r.URL.Query())
	if err != nil {
		c.fail(w, r, s, err)
		return
	}
	now := c.Now()
	page, err := c.Orders.ListApprovals(r.Context(), q.storeQuery(now))
	if err != nil {
		if !approval.IsPermanent(err) { // it passes, and the list goes on
			c.setRefreshHeader(w, r, q)
		}
		c.fail(w, r, s, err)
		return
	}
	p := listPage{
		frame:    c.newFrame(r, s, menuEntry(q), q.state.heading),
		Lead:     q.state.lead,
		Empty:    emptyText(q, page.IsIncomplete),
		Filters:  q.filters(),
		OpenForm: q.filterPath(),
		Clear:    listQuery{state: q.state}.path(),
		First:    q.after == "",
		Start:    q.path(),
		Next:     q.pagePath(page.Next),
		Rows:     newRows(page.Rows, now),
		DryRun:   c.dryRunNonce(s),
	}
	if c.Export != nil && s.may(role.Audit) {
		p.CSV, p.JSON = q.exportPath("csv"), q.exportPath("jsonl")
	}
	if page.IsIncomplete {
		p.LookedAt = formatNumber(page.LookedAt)
	}
	p.addTiles(q, now)
	if q.filtering {
		p.setHeading("Find among " + lowerFirst(q.state.heading))
		p.Filter = newFilterForm(q, p.stats)
	}
	c.addRefresh(w, r, &p, q)
	c.writePage(w, r, http.StatusOK, "list.html", p)
}

// showExhausted leads from the address of earlier versions to the list.
func (c *Console) showExhausted(w http.ResponseWriter, _ *http.Request, _ session) {
	w.Header().Set("Location", statePath(stateExhausted))
	w.WriteHeader(http.StatusSeeOther)
}

// emptyText returns the text of a page without approvals.
func emptyText(q listQuery, isPart bool) string {
	switch {
	case isPart:
		return "Nothing was found among these orders."
	case q.after != "":
		return q.state.beyond
	case q.isFiltered():
		return "No approval is like this. Its request may not have arrived, or it was closed and its record removed."
	}
	return q.state.empty
}

func lowerFirst(text string) string { return strings.ToLower(text[:1]) + text[1:] }

// menuEntry returns the entry of the menu that a list belongs to.
func menuEntry(q listQuery) string {
	switch q.state.name {
	case statePending, stateAttention:
		return q.state.name
	}
	return ""
}
