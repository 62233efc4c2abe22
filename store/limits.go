package store

import (
	"github.com/approval-relay/approval-relay/approval"
)

// RecordLimits are the limits of the record of an order, in bytes. An order that is full refuses for now what adds to
// it, with an approval.OrderFullError. What closes an approval by time, answers its workflow or records a result always
// fits: for each approval that is not finished, a part of the record is kept free for that.
type RecordLimits struct {
	// Max is the limit of every record. A transition that would exceed it makes space by approval.Order.Shed.
	Max int
	// Adding is the limit for the transitions that add something, see approval.Order.Adds.
	Adding int
	// PerApproval is kept free for the end of each approval, PerNotification for each notification that is still to be
	// sent or to end.
	PerApproval     int
	PerNotification int
}

// DefaultRecordLimits returns the limits of the stores that have no limit of their own. They bound the time and the
// memory that an update takes.
func DefaultRecordLimits() RecordLimits {
	return RecordLimits{
		Max:             24 << 20,
		Adding:          16 << 20,
		PerApproval:     3 << 10,
		PerNotification: 600,
	}
}

// RecordSize is the size of an order before a transition.
type RecordSize struct {
	bytes     int
	votes     int
	approvals int
	// MeasureLoose returns the size of the record encoded without isTight. It is nil if an adapter encodes all alike.
	MeasureLoose func() (int, error)
}

// Measure returns the size of an order whose record has that many bytes.
func Measure(o *approval.Order, bytes int) RecordSize {
	return RecordSize{bytes: bytes, votes: countVotes(o), approvals: len(o.Approvals)}
}

// encodeFunc encodes an order. If isTight is set, it may take more time to make the record smaller.
type encodeFunc func(o *approval.Order, isTight bool) ([]byte, error)

// Fit encodes an order after a transition, and returns a record that is within the limits. If it is too large, Fit sheds
// the least needed parts of the order first, unless the transition adds something: what is there already is worth more.
// Long texts that were added are shortened before a request or decision is refused.
//
// A request or decision that does not fit into the order now gets an approval.OrderFullError. If it would not fit into an
// empty order either, the error is Permanent.
//
// The sizes of compressed records do not add up: a record can grow by more than what was added, if a text no longer
// finds its likes nearby. So what people send is measured without isTight, and only the other transitions use it.
func (l RecordLimits) Fit(before RecordSize, o *approval.Order, encode encodeFunc) ([]byte, error) {
	record, err := encode(o, false)
	if err != nil || o.IsEmpty() {
		return record, err
	}
	limit := l.Max
	isTight := true
	switch {
	case o.Adds(), len(o.Approvals) > before.approvals:
		limit = min(l.Adding, l.Max-l.reserve(o))
		if len(record) > limit && o.ShortenNewTexts() {
			if record, err = encode(o, false); err != nil {
				return nil, err
			}
		}
		if len(record) > limit {
			return nil, l.refuse(before, len(record), limit)
		}
	case countVotes(o) > before.votes: // the vote decides
		limit = l.Max - l.reserve(o)
		isTight = false
	}
	for isFirst := true; len(record) > limit; isFirst = false {
		if (!isFirst || !isTight) && !o.Shed() && !o.ShortenNewTexts() {
			return nil, l.refuse(before, len(record), limit)
		}
		if record, err = encode(o, isTight); err != nil {
			return nil, err
		}
	}
	return record, nil
}

// refuse returns the error of a record that is too large. Only what would not fit into an empty order either is refused
// for good. So the growth is measured between records that are encoded alike: a tight record is much smaller.
func (l RecordLimits) refuse(before RecordSize, size, limit int) error {
	added := size - before.bytes
	if added > l.Adding && before.MeasureLoose != nil {
		loose, err := before.MeasureLoose()
		if err != nil {
			return err
		}
		added = size - loose
	}
	if added > l.Adding {
		return approval.InvalidField("order", "is too large: its record would grow by %d KB, the limit is %d",
			added>>10, l.Adding>>10)
	}
	return approval.OrderFull("its record would have %d KB, the limit is %d now", size>>10, limit>>10)
}

// reserve returns the part of the record that is kept free for the end of the order's approvals.
func (l RecordLimits) reserve(o *approval.Order) int {
	n := 0
	for _, a := range o.Approvals {
		isOpen := a.Status == approval.Pending || a.Callback.State == approval.CallbackPending
		if isOpen || a.Callback.State == approval.CallbackExhausted { // it may be redriven
			n += l.PerApproval
		}
		n += l.PerNotification * countFutureNotifications(a)
	}
	return n
}

// countFutureNotifications returns the largest number of notifications of an approval that have not ended yet: those
// that are under way, and those of later reminders, escalations and edits.
func countFutureNotifications(a *approval.Approval) int {
	ended, receipts := 0, 0
	for _, n := range a.Notifications {
		if n.State != approval.NotificationPending {
			ended++
		}
		if n.Receipt != "" {
			receipts++
		}
	}
	if a.Status != approval.Pending {
		return len(a.Notifications) - ended
	}
	people := len(a.Approvers)
	for _, e := range a.Escalations[min(a.EscalationsDone, len(a.Escalations)):] {
		people += len(e.Approvers)
	}
	rounds := 1 + len(a.Reminders) - min(a.RemindersSent, len(a.Reminders))
	future := people*(len(a.Channels)+len(a.FallbackChannels))*rounds + 2*len(a.ProgramChannels) + receipts
	return min(max(future-ended, len(a.Notifications)-ended), approval.MaxNotifications)
}

func countVotes(o *approval.Order) int {
	n := 0
	for _, a := range o.Approvals {
		n += len(a.Votes)
	}
	return n
}
