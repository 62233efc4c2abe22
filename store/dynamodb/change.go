package dynamodb

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// Bounds of an order's item, in bytes; DynamoDB takes 400 KB. A transition that adds
// to what is asked leaves room for those that record what became of it.
const (
	maxRecord = 390 << 10
	maxAsked  = 300 << 10
	// maxWorkflows may wait for one order: each has a place in the same transaction.
	maxWorkflows = 40
)

// Of each item the IDs of its last writes are kept, the newest first. A write
// whose answer was lost knows itself by its own, also when others came after it.
const (
	idSize = 12
	idKept = 8
)

// change is what a transition made of an order.
type change struct {
	orderID string
	id      []byte
	before  item // nil where nothing was stored
	item    item // nil when nothing is known of it any more
	counts  map[string]int64
	ended   []item // keys of pending that are over
	opened  []item
}

// compute runs the transition on a stored item, or on an empty order where there
// is none.
func (s *Store) compute(orderID string, before item, transition func(*approval.Order) error) (*change, error) {
	o := &approval.Order{ID: orderID}
	if before != nil {
		var err error
		if o, err = s.decode(orderID, before); err != nil {
			return nil, err
		}
	}
	had, asked, exhausted, retrying := waiting(o), len(o.Approvals)+len(o.Unmatched), o.HasExhaustedCallback(), o.IsRetrying()
	if err := transition(o); err != nil {
		return nil, err
	}
	record, err := store.Encode(orderID, o, s.config.Sealer)
	if err != nil {
		return nil, err
	}
	c := &change{
		orderID: orderID,
		id:      newID(),
		before:  before,
		counts:  map[string]int64{},
	}
	has := waiting(o)
	c.count(had, has)
	c.add("exhausted", one(o.HasExhaustedCallback())-one(exhausted))
	c.add("retrying", one(o.IsRetrying())-one(retrying))
	if o.IsEmpty() {
		return c, nil
	}
	if record, err = pack(record); err != nil {
		return nil, err
	}
	more := len(o.Approvals)+len(o.Unmatched) > asked
	switch {
	case len(record) > maxRecord, more && len(record) > maxAsked:
		return nil, approval.InvalidField("order", "holds too much: its record would have %d KB, and a DynamoDB item takes 400", len(record)>>10)
	case more && len(has) > maxWorkflows:
		return nil, approval.InvalidField("order", "more than %d workflows would wait for it", maxWorkflows)
	}
	c.item = orderItem(o, before, record)
	c.item["last_writes"] = blob(append(bytes.Clone(c.id), head(bin(before, "last_writes"), idSize*(idKept-1))...))
	return c, nil
}

func head(b []byte, n int) []byte { return b[:min(len(b), n)] }

func one(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// orderItem is the item of an order: beside its record what the indexes need.
func orderItem(o *approval.Order, before item, record []byte) item {
	in := text(shard(o.ID, shards))
	i := orderKey(o.ID)
	i["order_record"], i["order_shard"], i["order_id"] = blob(record), in, blob([]byte(o.ID))
	if p := o.PendingApprovals(); len(p) > 0 {
		i["pending_shard"], i["waits_since"] = in, blob(ageKey(store.AgeCursor{Since: store.OldestPending(p), OrderID: o.ID}))
	}
	if o.HasExhaustedCallback() {
		i["exhausted_shard"] = in
	}
	if due := o.NextDue(); !due.IsZero() {
		i["due_shard"], i["due_at"], i["next_at"] = in, number(nanos(due)), number(nanos(due))
		if claimed, ok := before["claimed_at"]; ok && nanos(due) <= integer(before, "claimed_at") { // still due: leased still
			i["next_at"], i["claimed_at"], i["lease_id"] = before["next_at"], claimed, before["lease_id"]
		}
	}
	return i
}

// waits is what an order waits for in one workflow.
type waits struct {
	pending int64
	oldest  time.Time
}

func waiting(o *approval.Order) map[string]waits {
	out := map[string]waits{}
	for _, p := range o.PendingApprovals() {
		w := out[p.Workflow]
		if w.pending++; w.pending == 1 || p.Since.Before(w.oldest) {
			w.oldest = p.Since
		}
		out[p.Workflow] = w
	}
	return out
}

const countPending = "pending#"

// count notes what changes in the counts and among the pending.
func (c *change) count(had, has map[string]waits) {
	names := map[string]bool{}
	for _, m := range []map[string]waits{had, has} {
		for name := range m {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		before, after := had[name], has[name]
		c.add(countPending+name, after.pending-before.pending)
		if (before.pending > 0) == (after.pending > 0) && before.oldest.Equal(after.oldest) {
			continue
		}
		if before.pending > 0 {
			c.ended = append(c.ended, c.pendingKey(name, before.oldest))
		}
		if after.pending > 0 {
			c.opened = append(c.opened, c.pendingKey(name, after.oldest))
		}
	}
}

func (c *change) add(name string, n int64) {
	if n != 0 {
		c.counts[name] += n
	}
}

// pendingKey is where the oldest approval of a workflow that this order waits for stands.
func (c *change) pendingKey(workflow string, since time.Time) item {
	hash := sha256.Sum256([]byte(c.orderID))
	return key(pendingPartition(shard(c.orderID, pendingShards), workflow), fmt.Sprintf("%s#%x", sortable(since), hash[:16]))
}

func pendingPartition(shard, workflow string) string { return countPending + shard + "#" + workflow }

// sortable writes a time so that texts sort as times do.
func sortable(t time.Time) string { return fmt.Sprintf("%020d", uint64(nanos(t))^1<<63) }
