package store

import (
	"cmp"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// OrderQuery selects orders for Store.List. People ask for approvals, with filters and sorts: see Query and
// ListApprovals, which read orders by this query.
type OrderQuery struct {
	// State selects the orders that have an approval in this state. StateAll and StateClosed select all orders.
	State State
	// ByAge lists the orders with a pending approval, whatever State is. The longest waiting comes first: the list is
	// sorted by the time at which the oldest pending approval of each order was requested, then by order ID.
	ByAge bool
	// After is the end of the previous page, as List returned it, or empty for the first page. Without ByAge, it is an
	// order ID, known or not, and the list continues after it. With ByAge, it is the text of an AgeCursor; any other
	// text makes List return a Permanent error.
	After string
	// Limit is the largest number of orders in a page, 1 to 1,000. 0 means 100.
	Limit int
}

// PageSize returns the largest number of orders in a page.
func (q OrderQuery) PageSize() int { return pageSize(q.Limit) }

func pageSize(limit int) int {
	if limit <= 0 {
		return 100
	}
	return min(limit, 1000)
}

// AgeCursor is a position in a list by age: the order with this ID, waiting since this time. It stays a valid position
// after the order is decided.
type AgeCursor struct {
	Since   time.Time
	OrderID string
}

// String returns the cursor as the After of a query.
func (c AgeCursor) String() string {
	return strconv.FormatInt(c.Since.UnixNano(), 10) + "/" + c.OrderID
}

// ParseAgeCursor parses the output of String. The empty text is the position before all orders.
func ParseAgeCursor(text string) (AgeCursor, error) {
	if text == "" {
		return AgeCursor{Since: time.Unix(0, math.MinInt64)}, nil
	}
	since, id, ok := strings.Cut(text, "/")
	n, err := strconv.ParseInt(since, 10, 64)
	if !ok || err != nil {
		return AgeCursor{}, approval.InvalidField("after", "is not a position in a list by age")
	}
	return AgeCursor{Since: time.Unix(0, n), OrderID: id}, nil
}

// Compare returns a negative number if this position comes before the other, a positive number if it comes after it,
// and 0 if both are the same.
func (c AgeCursor) Compare(other AgeCursor) int {
	return cmp.Or(c.Since.Compare(other.Since), strings.Compare(c.OrderID, other.OrderID))
}
