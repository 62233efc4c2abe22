package approval

import (
	"slices"
	"time"
)

// Capability is what a signed link lets its holder do. It holds no token.
type Capability struct {
	OrderID    string
	ApprovalID string
	Approver   string    // empty where approvers are not named
	Allowed    []Outcome // the decisions that it may make
	Expires    time.Time
	Nonce      string // as the record has it; any other is revoked
}

// Allows says whether the capability is still good for the approval: it is the
// one that the record knows, and it has not expired.
func (a *Approval) Allows(c Capability, now time.Time) bool {
	if a == nil || c.ApprovalID != a.ID || !c.Expires.After(now) {
		return false
	}
	if len(a.Approvers) == 0 {
		return c.Approver == "" && c.Nonce == a.ID
	}
	return slices.Contains(a.Approvers, Approver{ID: c.Approver, Nonce: c.Nonce})
}

// Capability returns what the link of an approver is good for: to decide until
// the deadline, and to see the outcome for a day more.
func (o *Order) Capability(a *Approval, approver string) Capability {
	c := Capability{
		OrderID: o.ID, ApprovalID: a.ID, Approver: approver, Allowed: []Outcome{Approve, Reject},
		Expires: a.Deadline.Add(24 * time.Hour), Nonce: a.ID,
	}
	for _, p := range a.Approvers {
		if p.ID == approver {
			c.Nonce = p.Nonce
		}
	}
	return c
}
