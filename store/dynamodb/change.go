package dynamodb

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
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

// maxWorkflows is the largest number of workflows with a pending approval of the same order: each of them needs an item
// in the same transaction.
const maxWorkflows = 40

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
	counts  map[string]int64
	ended   []item // keys of pending items to delete
	opened  []item // pending items to put
}

// computeChange runs the transition on a stored item, or on an empty order if before is nil.
func (s *Store) computeChange(orderID string, before item, transition func(*approval.Order) error) (*change, error) {
	o := &approval.Order{ID: orderID}
	var unknown store.Unknown
	if before != nil {
		var err error
		if o, unknown, err = s.decodeOrder(orderID, before); err != nil {
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
	if o.IsEmpty() {
		return c, nil
	}
	if n := len(pendingByWorkflow(o)); n > maxWorkflows && n > len(pendingBefore) {
		return nil, approval.OrderFull("it has pending approvals in %d workflows", maxWorkflows)
	}
	c.setItem(o, record)
	return c, nil
}

// newChange returns the change from a stored item with these pending approvals and states to the order o. It has no item
// yet.
func newChange(o *approval.Order, before item, pendingBefore map[string]workflowPending, states store.StateSet) *change {
	c := &change{
		orderID: o.ID,
		id:      newWriteID(),
		before:  before,
		counts:  map[string]int64{},
	}
	c.countPending(pendingBefore, pendingByWorkflow(o))
	c.countStates(states, store.StatesOf(o))
	c.changeOwed(storedOwed(before), owedSince(o))
	return c
}

// setItem sets the item of the order with its compressed record.
func (c *change) setItem(o *approval.Order, record []byte) {
	c.item = orderItem(o, c.before, record)
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

// orderItem returns the item of an order: its record, and the keys of the indexes.
func orderItem(o *approval.Order, before item, record []byte) item {
	shard := stringAttr(shardOf(o.ID, shards))
	i := orderKey(o.ID)
	i["order_record"] = bytesAttr(record)
	i["order_shard"] = shard
	i["order_id"] = bytesAttr([]byte(o.ID))
	if p := o.PendingApprovals(); len(p) > 0 {
		i["pending_shard"] = shard
		i["waits_since"] = bytesAttr(encodeAge(store.AgeCursor{Since: store.OldestPending(p), OrderID: o.ID}))
	}
	setStates(i, o)
	setOwed(i, o)
	if due := o.NextDue(); !due.IsZero() {
		i["due_shard"] = shard
		i["due_at"] = numberAttr(toNanos(due))
		i["next_at"] = numberAttr(toNanos(due))
		// An order that is still due at the now of its Claim keeps its lease.
		if claimed, ok := before["claimed_at"]; ok && toNanos(due) <= getNumber(before, "claimed_at") {
			i["next_at"] = before["next_at"]
			i["claimed_at"] = claimed
			i["lease_id"] = before["lease_id"]
		}
	}
	return i
}

// orderAttributes returns the names of the attributes that this program writes to the item of an order.
func orderAttributes() []string {
	return []string{
		"pk", "sk", "order_record", "last_writes", "order_shard", "order_id", "pending_shard", "waits_since",
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

// workflowPending counts the pending approvals of an order in a workflow.
type workflowPending struct {
	count  int64
	oldest time.Time
}

func pendingByWorkflow(o *approval.Order) map[string]workflowPending {
	out := map[string]workflowPending{}
	for _, p := range o.PendingApprovals() {
		w := out[p.Workflow]
		if w.count++; w.count == 1 || p.Since.Before(w.oldest) {
			w.oldest = p.Since
		}
		out[p.Workflow] = w
	}
	return out
}

const pendingPrefix = "pending#"

// countPending adds the differences between two states of an order to the counts and to the pending items.
func (c *change) countPending(old, current map[string]workflowPending) {
	names := map[string]bool{}
	for _, m := range []map[string]workflowPending{old, current} {
		for name := range m {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		before, after := old[name], current[name]
		c.addCount(pendingPrefix+name, after.count-before.count)
		if (before.count > 0) == (after.count > 0) && before.oldest.Equal(after.oldest) {
			continue
		}
		if before.count > 0 {
			c.ended = append(c.ended, c.pendingKey(name, before.oldest))
		}
		if after.count > 0 {
			c.opened = append(c.opened, c.pendingKey(name, after.oldest))
		}
	}
}

func (c *change) addCount(name string, n int64) {
	if n != 0 {
		c.counts[name] += n
	}
}

// pendingKey returns the key of the pending item of this order in a workflow.
func (c *change) pendingKey(workflow string, since time.Time) item {
	hash := sha256.Sum256([]byte(c.orderID))
	partition := pendingPartition(shardOf(c.orderID, pendingShards), workflow)
	return itemKey(partition, fmt.Sprintf("%s#%x", sortableTime(since), hash[:16]))
}

func pendingPartition(shard, workflow string) string { return pendingPrefix + shard + "#" + workflow }

// sortableTime returns a time as a text. The texts sort as the times do.
func sortableTime(t time.Time) string { return fmt.Sprintf("%020d", uint64(toNanos(t))^1<<63) }
