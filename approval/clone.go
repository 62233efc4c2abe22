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

// HandOver returns the order as a store would read it, without new events. It takes all memory of o, which is empty
// afterwards. It replaces Clone for an order that nobody else uses any more.
func (o *Order) HandOver() *Order {
	c := &Order{
		ID:              o.ID,
		Approvals:       o.Approvals,
		Unmatched:       o.Unmatched,
		JudgedDecisions: o.JudgedDecisions,
		History:         o.History,
		ShedParts:       slices.Clip(o.ShedParts),
	}
	for _, a := range c.Approvals {
		a.clipLists()
	}
	*o = Order{}
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
	c.clipLists()
	return c
}

// clipLists makes sure that a new element of a list gets an array of its own: the lists of a request may be parts of the
// configuration, and clones share them.
func (a *Approval) clipLists() {
	a.Details = slices.Clip(a.Details)
	a.Approvers = slices.Clip(a.Approvers)
	a.Sources = slices.Clip(a.Sources)
	a.Channels = slices.Clip(a.Channels)
	a.FallbackChannels = slices.Clip(a.FallbackChannels)
	a.GroupChannels = slices.Clip(a.GroupChannels)
	a.ProgramChannels = slices.Clip(a.ProgramChannels)
	a.Reminders = slices.Clip(a.Reminders)
	a.Escalations = slices.Clip(a.Escalations)
	a.Choices = slices.Clip(a.Choices)
	a.RequesterTold = slices.Clip(a.RequesterTold)
	a.RequesterChannels = slices.Clip(a.RequesterChannels)
	a.PassOnTo = slices.Clip(a.PassOnTo)
}
