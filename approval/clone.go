package approval

import "slices"

// Clone returns a copy of the order as a store would read it, without new events. It is cheap: the two orders share all
// that transitions never change in place. A transition on one of them never shows in the other.
func (o *Order) Clone() *Order {
	c := &Order{
		ID:              o.ID,
		Approvals:       make([]*Approval, len(o.Approvals)),
		Unmatched:       slices.Clone(o.Unmatched),
		JudgedDecisions: slices.Clone(o.JudgedDecisions),
		History:         slices.Clone(o.History),
		ShedParts:       slices.Clip(o.ShedParts),
	}
	if o.Approvals == nil {
		c.Approvals = nil
	}
	all := make([]Approval, len(o.Approvals))
	for i, a := range o.Approvals {
		all[i] = a.clone()
		c.Approvals[i] = &all[i]
	}
	return c
}

// clone copies the parts whose elements transitions change: votes become void, questions get answers. The other lists are
// replaced as a whole, or get more elements, and are clipped, so that these are in an array of their own. Choices, forms,
// tables, maps and JSON are as the request had them, and each change makes new ones.
func (a *Approval) clone() Approval {
	c := *a
	c.Votes = slices.Clone(a.Votes)
	c.Questions = slices.Clone(a.Questions)
	c.Acts = slices.Clone(a.Acts)
	for i := range c.Acts {
		if p := c.Acts[i].Proposal; p != nil {
			proposal := *p
			c.Acts[i].Proposal = &proposal
		}
	}
	if a.Notifications != nil {
		c.Notifications = make([]*Notification, len(a.Notifications))
		all := make([]Notification, len(a.Notifications))
		for i, n := range a.Notifications {
			all[i] = *n
			c.Notifications[i] = &all[i]
		}
	}
	c.Details = slices.Clip(a.Details)
	c.Approvers = slices.Clip(a.Approvers)
	c.Sources = slices.Clip(a.Sources)
	c.Channels = slices.Clip(a.Channels)
	c.FallbackChannels = slices.Clip(a.FallbackChannels)
	c.GroupChannels = slices.Clip(a.GroupChannels)
	c.ProgramChannels = slices.Clip(a.ProgramChannels)
	c.Reminders = slices.Clip(a.Reminders)
	c.Escalations = slices.Clip(a.Escalations)
	c.Choices = slices.Clip(a.Choices)
	c.RequesterTold = slices.Clip(a.RequesterTold)
	c.RequesterChannels = slices.Clip(a.RequesterChannels)
	c.PassOnTo = slices.Clip(a.PassOnTo)
	return c
}
