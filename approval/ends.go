package approval

import "time"

// RemovalDue returns the time at which Advance removes all that is left of the order, if the order has nothing else to do
// before; otherwise it returns the zero time. A store can then remove the order at that time without Advance.
func (o *Order) RemovalDue() time.Time {
	due := o.NextDue()
	if due.IsZero() || len(o.Unmatched) > 0 {
		return noTime
	}
	for _, a := range o.Approvals {
		if removal := a.removalTime(); removal.IsZero() || removal.After(due) {
			return noTime
		}
	}
	return due
}
