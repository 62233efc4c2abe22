package approval

import (
	"errors"
	"slices"
	"time"
)

// ErrExpired is returned for a link or form that this program signed, after its time has passed.
var ErrExpired = errors.New("expired link")

// Capability is the content of a signed link: the rights of its holder on an approval, and their expiry. It does not
// contain the task token.
type Capability struct {
	OrderID    string
	ApprovalID string
	Approver   string    // empty if approvers are not named, or if the link only shows the approval
	Allowed    []Outcome // the decisions that the holder may make
	Expires    time.Time
	Nonce      string // equal to the nonce in the record, unless the link is revoked
	// Shown is the ContentDigest of the message with a button. A link has none, and neither has a button of an older
	// version.
	Shown string
}

// linkLifetimeAfterDeadline is how long a link shows the outcome after the deadline.
const linkLifetimeAfterDeadline = 24 * time.Hour

// LinkCapability returns the capability of a link: to decide until the deadline, and to see the outcome for a day after
// it. If approvers are named, a link without an approver only shows the approval, because a group reads it. If they are
// not named but the requester is, every link only shows the approval, see HasAnonymousLinks.
func (o *Order) LinkCapability(a *Approval, approver string) Capability {
	c := Capability{
		OrderID:    o.ID,
		ApprovalID: a.ID,
		Approver:   approver,
		Allowed:    a.offeredOutcomes(),
		Expires:    a.LinkExpires(),
		Nonce:      a.ID,
	}
	switch {
	case len(a.Approvers) == 0:
		c.Approver = ""
		if a.HasAnonymousLinks() {
			c.Allowed = nil
		}
	case approver == "":
		c.Allowed = nil
	default:
		c.Nonce = findApprover(a.Approvers, approver).Nonce
	}
	return c
}

// offeredOutcomes lists the outcomes that the choices of the approval mean. Links and buttons of older versions have only
// approve and reject, and stay valid for the choices that mean these.
func (a *Approval) offeredOutcomes() []Outcome {
	if len(a.Choices) == 0 {
		return []Outcome{Approve, Reject}
	}
	return slices.DeleteFunc(AllOutcomes(), func(o Outcome) bool {
		return !slices.ContainsFunc(a.Choices, func(c Choice) bool { return c.Means == o })
	})
}

// HasAnonymousLinks reports whether the approval has a requester, who may not decide, while its links name nobody. Such a
// link does not decide: the requester may hold it. A person who is signed in, or known to a chat, may decide.
func (a *Approval) HasAnonymousLinks() bool { return a.Requester != "" && len(a.Approvers) == 0 }

// LinkExpires returns when the links of the approval expire.
func (a *Approval) LinkExpires() time.Time { return a.Deadline.Add(linkLifetimeAfterDeadline) }

// AcceptsCapability reports whether a capability is still valid for the approval: it has not expired, and the record
// has its nonce. A link that was sent before the deadline was extended expires as those that are sent afterwards: its
// holder is still to decide, and has no other.
func (a *Approval) AcceptsCapability(c Capability, now time.Time) bool {
	if a == nil || c.ApprovalID != a.ID || !laterOf(c.Expires, a.LinkExpires()).After(now) {
		return false
	}
	if len(a.Approvers) == 0 {
		return c.Approver == "" && c.Nonce == a.ID
	}
	if c.Approver == "" { // a group's link only shows the approval
		return c.Nonce == a.ID && len(c.Allowed) == 0
	}
	return slices.ContainsFunc(a.Approvers, func(p Approver) bool { return p.ID == c.Approver && p.Nonce == c.Nonce })
}
