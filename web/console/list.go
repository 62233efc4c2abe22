package console

import (
	"net/http"
	"net/url"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/untrusted"
	"github.com/approval-relay/approval-relay/web/look"
)

// pageSize is the number of orders that a page lists.
const pageSize = 50

// listPage is a page of pending approvals, or of exhausted callbacks.
type listPage struct {
	frame
	Workflows []workflowView
	Rows      []row
	First     bool   // it is the first page
	Next      string // path of the next page
	DryRun    string // nonce
}

// row is an approval in a list.
type row struct {
	OrderID  string
	Href     string // path of the order's page
	Title    string
	Workflow string
	Step     string
	Approval string // ID; empty for a record that cannot be read

	Age      string // time since the request, or since the callback was exhausted
	Since    look.Moment
	Deadline look.Moment
	Urgent   bool // little or no time is left
	Asked    nameList
	Notified statusView

	Status   statusView
	Error    string
	Attempts int
	Code     string // the reason code of the error
	Reason   string // the reason code, encoded for a form
	Expired  bool   // the task of the exhausted callback has expired
}

// nameList is the beginning of a list of names.
type nameList struct {
	Names []string
	More  int
}

// statusView is a status in words, with a tone: open, good, warn, bad, closed.
type statusView struct {
	Text  string
	Tone  string
	Error string
}

// readList reads a page of orders. If it returns false, it has answered the request.
func (c *Console) readList(
	w http.ResponseWriter, r *http.Request, s session, q store.OrderQuery,
) (orders []*approval.Order, next string, ok bool) {
	q.After = r.URL.Query().Get("after")
	q.Limit = pageSize
	orders, next, err := c.Orders.List(r.Context(), q)
	if err != nil {
		c.fail(w, r, s, err)
		return nil, "", false
	}
	return orders, next, true
}

func (c *Console) newListPage(r *http.Request, s session, name, heading, next string) listPage {
	return listPage{
		frame: c.newFrame(r, s, name, heading),
		First: r.URL.Query().Get("after") == "",
		Next:  nextPath(next),
	}
}

// nextPath returns the path of the next page, or the empty text after the last page.
func nextPath(after string) string {
	if after == "" {
		return ""
	}
	return "?" + url.Values{"after": {after}}.Encode()
}

// addUnreadable adds a row for an order with a record that cannot be read.
func (p *listPage) addUnreadable(o *approval.Order) {
	if len(o.Approvals) > 0 || len(o.Unmatched) > 0 {
		return
	}
	damaged := statusView{Text: "Damaged record", Tone: "bad"}
	p.Rows = append(p.Rows, row{
		OrderID:  untrusted.MultiLine(o.ID),
		Href:     orderPath(o.ID),
		Title:    "The record of this order cannot be read",
		Since:    p.Now,
		Notified: damaged,
		Status:   damaged,
	})
}

// orderPath returns the path of an order's page. The ID may contain any character.
func orderPath(id string) string { return "order?" + url.Values{"id": {id}}.Encode() }
