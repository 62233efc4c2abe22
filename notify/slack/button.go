package slack

import (
	"context"
	"errors"

	"github.com/approval-relay/approval-relay/approval"
)

// openButton returns the approval of a button. A button that was sent before the deadline was extended is valid as long as
// those that are sent afterwards.
func (i *Interactions) openButton(ctx context.Context, button string) (approval.Capability, error) {
	now := i.Now()
	c, err := i.Buttons.OpenButton(button, now)
	if !errors.Is(err, approval.ErrExpired) {
		return c, err
	}
	o, getErr := i.Orders.Get(ctx, c.OrderID)
	if getErr != nil {
		return c, err
	}
	if a := o.FindApproval(c.ApprovalID); a == nil || !a.LinkExpires().After(now) {
		return c, err
	}
	return c, nil
}
