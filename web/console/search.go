package console

import (
	"net/http"
	"strings"

	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/untrusted"
)

// shownMatches is the number of orders that a search lists.
const shownMatches = 20

// searchPage lists the orders that begin with an ID.
type searchPage struct {
	frame
	Lead    string
	Matches []match
	More    bool
}

type match struct{ OrderID, Href string }

// showMatches lists the orders with an ID that begins with the given text.
func (c *Console) showMatches(w http.ResponseWriter, r *http.Request, s session, id string) {
	p := searchPage{frame: c.newFrame(r, s, "", "No such order")}
	p.Query = untrusted.MultiLine(id)
	if id == "" {
		p.setHeading("Find an order")
		p.Lead = "Type its ID, or the beginning of it."
		c.writePage(w, r, http.StatusOK, "search.html", p)
		return
	}
	orders, _, err := c.Orders.List(r.Context(), store.OrderQuery{After: id, Limit: shownMatches + 1})
	if err != nil {
		c.fail(w, r, s, err)
		return
	}
	for _, o := range orders {
		if !strings.HasPrefix(o.ID, id) {
			break
		}
		p.Matches = append(p.Matches, match{untrusted.MultiLine(o.ID), orderPath(o.ID)})
	}
	if p.More = len(p.Matches) > shownMatches; p.More {
		p.Matches = p.Matches[:shownMatches]
	}
	if len(p.Matches) > 0 {
		p.setHeading("Orders that begin with this ID")
		p.Lead = "There is no order with exactly this ID."
	} else {
		p.Lead = "There is no order with this ID. Its request may not have arrived, or it was closed and its record " +
			"removed."
	}
	c.writePage(w, r, http.StatusNotFound, "search.html", p)
}
