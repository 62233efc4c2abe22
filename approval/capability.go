package approval

import (
	"errors"
	"slices"
	"time"
)

// ErrExpired is returned for a link or form that this program signed and whose
// time has passed.
var ErrExpired = errors.New("expired link")

// Capability is what a signed link lets its holder do. It holds no token.
type Capability struct {
	OrderID    string
	ApprovalID string
	Approver   string    // empty where approvers are not named
	Allowed    []Outcome // the decisions that it may make
	Expires    time.Time
	Nonce      string // as the record has it; any other is revoked
}

// AcceptsCapability says whether the capability is still good for the approval: it is the
// one that the record knows, and it has not expired.
func (a *Approval) AcceptsCapability(c Capability, now time.Time) bool {
	if a == nil || c.ApprovalID != a.ID || !c.Expires.After(now) {
		return false
	}
	if len(a.Approvers) == 0 {
		return c.Approver == "" && c.Nonce == a.ID
	}
	if c.Approver == "" { // shown to a room: to look at
		return c.Nonce == a.ID && len(c.Allowed) == 0
	}
	return slices.ContainsFunc(a.Approvers, func(p Approver) bool { return p.ID == c.Approver && p.Nonce == c.Nonce })
}

// LinkCapability returns what the link of an approver is good for: to decide until
// the deadline, and to see the outcome for a day more. A link that names nobody,
// as a room is shown it, decides only where approvers are not named.
func (o *Order) LinkCapability(a *Approval, approver string) Capability {
	c := Capability{
		OrderID:    o.ID,
		ApprovalID: a.ID,
		Approver:   approver,
		Allowed:    []Outcome{Approve, Reject},
		Expires:    a.Deadline.Add(24 * time.Hour),
		Nonce:      a.ID,
	}
	switch {
	case len(a.Approvers) == 0:
		c.Approver = ""
	case approver == "":
		c.Allowed = nil
	default:
		c.Nonce = findApprover(a.Approvers, approver).Nonce
	}
	return c
}
