package dynamodb

import (
	"bytes"
	"compress/flate"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// recordLimits returns the limits of a compressed record. DynamoDB accepts an item of 400 KB.
func recordLimits() store.RecordLimits {
	return store.RecordLimits{
		Max:             390 << 10,
		Adding:          300 << 10,
		PerApproval:     1 << 10,
		PerNotification: 150,
	}
}

// Each item has the IDs of its last writes, the newest first. After a lost answer, a write recognises its own ID, even
// if other writes came later.
const (
	idSize     = 12 // bytes
	writesKept = 8
)

// change is the result of a transition.
type change struct {
	orderID string
	id      []byte
	before  item // nil if no order was stored
	item    item // nil if the order is removed
	counts  counts
	order   *approval.Order // after the transition
	unknown store.Unknown
	opened  []item // items of owed answers, to put before the order is written
	ended   []item // keys of items of owed answers, to delete after it
}

// computeChange runs the transition on a stored item, or on an empty order if before is nil.
func (s *Store) computeChange(orderID string, before item, transition func(*approval.Order) error) (*change, error) {
	o := &approval.Order{ID: orderID}
	unknown := store.NewUnknown()
	if before != nil {
		var err error
		if o, unknown, err = s.takeOrder(orderID, before); err != nil {
			return nil, err
		}
	}
	pendingBefore := pendingByWorkflow(o)
	size := store.Measure(o, len(getBytes(before, "order_record")))
	size.MeasureLoose = func() (int, error) { return s.measureLoose(orderID, before) }
	states := countedStates(before, o)
	if err := transition(o); err != nil {
		return nil, err
	}
	record, err := s.config.Limits.Fit(size, o, func(o *approval.Order, isTight bool) ([]byte, error) {
		return s.encodeOrder(orderID, o, unknown, isTight)
	})
	if err != nil {
		return nil, err
	}
	c := newChange(o, before, pendingBefore, states)
	c.order, c.unknown = o, unknown
	c.ended = append(c.ended, legacyPendingKeys(before, orderID, pendingBefore)...)
	if o.IsEmpty() {
		c.changeOwed(nil)
		return c, nil
	}
	c.setItem(o, record, s.writeShards())
	return c, nil
}

// newChange returns the change from a stored item with these pending approvals and states to the order o. It has no item
// yet.
func newChange(o *approval.Order, before item, pendingBefore map[string]workflowPending, states store.StateSet) *change {
	c := &change{
		orderID: o.ID,
		id:      newWriteID(),
		before:  before,
		counts:  counts{},
	}
	c.countPending(pendingBefore, pendingByWorkflow(o))
	c.countStates(states, store.StatesOf(o))
	return c
}

// setItem sets the item of the order with its compressed record. The argument shards is the number of shards.
func (c *change) setItem(o *approval.Order, record []byte, shards int) {
	c.item = orderItem(o, record, shardOf(o.ID, shards))
	c.changeOwed(c.item)
	keepUnknownAttributes(c.before, c.item)
	earlierWrites := prefixOf(getBytes(c.before, "last_writes"), idSize*(writesKept-1))
	c.item["last_writes"] = bytesAttr(append(bytes.Clone(c.id), earlierWrites...))
}

// encodeOrder returns the compressed record of an order.
func (s *Store) encodeOrder(orderID string, o *approval.Order, unknown store.Unknown, isTight bool) ([]byte, error) {
	record, err := store.Encode(orderID, o, unknown, s.config.Sealer)
	if err != nil {
		return nil, err
	}
	if isTight {
		return compress(record, flate.BestCompression)
	}
	return compress(record, flate.BestSpeed)
}

// measureLoose returns the size of the record of a stored order as a transition that adds something would encode it.
func (s *Store) measureLoose(orderID string, before item) (int, error) {
	if before == nil {
		return 0, nil
	}
	o, unknown, err := s.decodeOrder(orderID, before)
	if err != nil {
		return 0, err
	}
	record, err := s.encodeOrder(orderID, o, unknown, false)
	return len(record), err
}

func prefixOf(b []byte, n int) []byte { return b[:min(len(b), n)] }

// itemVersion is the version of the items of orders. Since version 2, nothing of an order but its owed answers has an item
// of its own, and orders are not leased by a write.
const itemVersion = 2

// orderItem returns the item of an order: its record, and the keys of the indexes.
func orderItem(o *approval.Order, record []byte, shard string) item {
	i := orderKey(o.ID)
	i["item_version"] = numberAttr(itemVersion)
	i["order_record"] = bytesAttr(record)
	i["order_shard"] = stringAttr(shard)
	i["order_id"] = bytesAttr([]byte(o.ID))
	if p := o.PendingApprovals(); len(p) > 0 {
		i["pending_shard"] = stringAttr(shard)
		i["waits_since"] = bytesAttr(encodeWaiting(o))
	}
	setStates(i, o, shard)
	setOwed(i, o)
	if due := o.NextDue(); !due.IsZero() {
		i["due_shard"] = stringAttr(shard)
		i["due_at"] = numberAttr(toNanos(due))
		i["next_at"] = numberAttr(toNanos(due))
		if i["attention"] == nil && i["owed"] == nil && !o.RemovalDue().IsZero() {
			markRemoval(i)
		}
	}
	return i
}

// markRemoval marks the item of an order that has nothing else to do than to be removed when it is due. The mark is that
// the order is due a nanosecond after the key of its index row: the index has no attribute to spare.
func markRemoval(i item) { i["due_at"] = numberAttr(getNumber(i, "next_at") + 1) }

// isRemoval reports whether the order of an index row or an item is only to be removed.
func isRemoval(i item) bool { return getNumber(i, "due_at") > getNumber(i, "next_at") }

// orderAttributes returns the attributes of an order's item that this program knows, also those of version 1.
func orderAttributes() []string {
	return []string{
		"pk", "sk", "item_version", "order_record", "order_shard", "order_id", "last_writes", "pending_shard", "waits_since",
		"exhausted_shard", "attention", "owed", "due_shard", "due_at", "next_at", "claimed_at", "lease_id",
	}
}

// keepUnknownAttributes adds the attributes of the item before that this program does not know. A newer worker on the same
// table wrote them, and a write replaces the whole item.
func keepUnknownAttributes(before, after item) {
	known := orderAttributes()
	for name, value := range before {
		if !slices.Contains(known, name) {
			after[name] = value
		}
	}
}

// pendingPrefix is the prefix of the names of the counts of pending approvals. The name of the workflow follows.
const pendingPrefix = "pending#"

// countPending adds the differences between two states of an order to the counts.
func (c *change) countPending(old, current map[string]workflowPending) {
	for name, after := range current {
		c.counts.add(pendingPrefix+name, after.count)
	}
	for name, before := range old {
		c.counts.add(pendingPrefix+name, -before.count)
	}
	maps.DeleteFunc(c.counts, func(_ string, n int64) bool { return n == 0 })
}

// sortableTime returns a time as a text. The texts sort as the times do.
func sortableTime(t time.Time) string { return fmt.Sprintf("%020d", uint64(toNanos(t))^1<<63) }
