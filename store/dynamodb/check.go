package dynamodb

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// CheckRecords implements store.RecordKeeper. It reads the whole table. No worker may write meanwhile: a change between
// two pages would look like a fault. If a record cannot be read, the counts are not compared.
func (s *Store) CheckRecords(ctx context.Context, fix bool, report func(store.Fault)) error {
	c := &tableCheck{
		store:  s,
		fix:    fix,
		report: report,
		owed:   map[string]bool{},
		wanted: map[string]item{},
		heads:  map[string]bool{},
		counts: counts{},
		expect: counts{},
	}
	if err := s.tally.flush(ctx); err != nil {
		return fmt.Errorf("check the table: %w", err)
	}
	if err := s.scan(ctx, func(i item) error { return c.addItem(ctx, i) }); err != nil {
		return fmt.Errorf("check the table: %w", err)
	}
	if c.isPartial {
		return nil
	}
	if err := c.compareTotals(ctx); err != nil {
		return fmt.Errorf("check the table: %w", err)
	}
	return nil
}

// tableCheck collects what a scan finds.
type tableCheck struct {
	store     *Store
	fix       bool
	report    func(store.Fault)
	isPartial bool            // a record cannot be read
	owed      map[string]bool // the items of owed answers in the table, by key
	wanted    map[string]item // the items of this kind that the records need, by key
	leftover  []item          // the keys of items that only version 1 has used
	heads     map[string]bool // the IDs of the dead letters
	parts     []item          // the keys of parts of dead letters
	counts    counts
	expect    counts
}

func keyText(i item) string { return getString(i, "pk") + "\n" + getString(i, "sk") }

func (c *tableCheck) addItem(ctx context.Context, i item) error {
	key := itemKey(getString(i, "pk"), getString(i, "sk"))
	switch pk := getString(i, "pk"); {
	case isOrder(i):
		return c.addOrder(ctx, i)
	case strings.HasPrefix(pk, owedPrefix):
		c.owed[keyText(i)] = true
	case strings.HasPrefix(pk, pendingPrefix):
		c.leftover = append(c.leftover, key)
	case pk == "letters":
		c.heads[getString(i, "sk")] = true
		c.expect["letters"]++
	case strings.HasPrefix(pk, letterPrefix):
		c.parts = append(c.parts, key)
	case pk == talliesPartition:
		c.counts.addAll(getCounts(i, "net"), 1)
	case strings.HasPrefix(pk, "count#"):
		for name := range i {
			if name != "pk" && name != "sk" {
				c.counts.add(name, getNumber(i, name))
			}
		}
	}
	return nil
}

func (c *tableCheck) addOrder(ctx context.Context, i item) error {
	id := orderIDOf(i)
	o, _, err := c.store.decodeOrder(id, i)
	if err != nil {
		c.isPartial = true
		c.report(store.Fault{Order: id, Text: err.Error(), Lost: true})
		return nil
	}
	states := countedStates(i, o)
	if c.fix {
		states = store.StatesOf(o)
	}
	whole := &change{orderID: id, counts: c.expect}
	whole.countPending(nil, pendingByWorkflow(o))
	whole.countStates(0, states)
	want := wantedItem(o, i)
	maps.Copy(c.wanted, owedItems(want))
	var names []string
	for _, name := range derivedAttributes() {
		if !reflect.DeepEqual(i[name], want[name]) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	f := store.Fault{Order: id, Text: "the attributes " + strings.Join(names, ", ") + " are not those of its record", Fixed: c.fix}
	if c.fix {
		if err := c.store.fixAttributes(ctx, i, want, names); err != nil {
			return err
		}
	}
	c.report(f)
	return nil
}

// wantedItem returns the item that an order should have, in the shard and in the version of the item that it has.
func wantedItem(o *approval.Order, have item) item {
	shard := getString(have, "order_shard")
	if n, err := strconv.Atoi(shard); err != nil || n < 0 || n >= MaxShards {
		shard = shardOf(o.ID, firstShards)
	}
	want := orderItem(o, getBytes(have, "order_record"), shard)
	if have["lease_id"] != nil && have["next_at"] != nil && want["next_at"] != nil { // a lease of version 1
		want["next_at"] = have["next_at"]
	}
	if getNumber(have, "item_version") >= itemVersion {
		return want
	}
	delete(want, "item_version")
	if waits := getBytes(want, "waits_since"); waits != nil {
		want["waits_since"] = bytesAttr(prefixOf(waits, len(encodeAge(store.AgeCursor{OrderID: o.ID}))))
	}
	if due := o.NextDue(); !due.IsZero() {
		want["due_at"] = numberAttr(toNanos(due))
	}
	return want
}

// derivedAttributes returns the attributes of an order that follow from its record.
func derivedAttributes() []string {
	return []string{
		"order_shard", "order_id", "pending_shard", "waits_since", "exhausted_shard", "attention", "owed",
		"due_shard", "due_at", "next_at",
	}
}

// fixAttributes writes attributes of an order, if nobody has written it since.
func (s *Store) fixAttributes(ctx context.Context, have, want item, names []string) error {
	var sets, removes []string
	values := item{":writes": have["last_writes"]}
	for _, name := range names {
		if want[name] == nil {
			removes = append(removes, name)
			continue
		}
		sets = append(sets, name+" = :"+name)
		values[":"+name] = want[name]
	}
	var update []string
	if len(sets) > 0 {
		update = append(update, "SET "+strings.Join(sets, ", "))
	}
	if len(removes) > 0 {
		update = append(update, "REMOVE "+strings.Join(removes, ", "))
	}
	text, condition := strings.Join(update, " "), "last_writes = :writes"
	return s.withRetries(ctx, func(ctx context.Context) error {
		_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName:                 &s.config.Table,
			Key:                       item{"pk": have["pk"], "sk": have["sk"]},
			UpdateExpression:          &text,
			ConditionExpression:       &condition,
			ExpressionAttributeValues: values,
		})
		return err
	})
}

// compareTotals compares the items of owed answers, the parts of dead letters and the counts with the records.
func (c *tableCheck) compareTotals(ctx context.Context) error {
	deletes := c.leftover
	var puts []item
	for _, key := range slices.Sorted(maps.Keys(c.owed)) {
		if c.wanted[key] == nil {
			pk, sk, _ := strings.Cut(key, "\n")
			deletes = append(deletes, itemKey(pk, sk))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.wanted)) {
		if !c.owed[key] {
			puts = append(puts, c.wanted[key])
		}
	}
	if tooMany := len(deletes) - len(c.leftover); tooMany+len(puts) > 0 {
		c.report(store.Fault{
			Text:  fmt.Sprintf("the items of owed answers are not those of the records: %d too many, %d missing", tooMany, len(puts)),
			Fixed: c.fix,
		})
	}
	without := slices.DeleteFunc(c.parts, func(k item) bool {
		return c.heads[strings.TrimPrefix(getString(k, "pk"), letterPrefix)]
	})
	if len(without) > 0 {
		c.report(store.Fault{Text: fmt.Sprintf("%d parts belong to no dead letter", len(without)), Fixed: c.fix})
	}
	differences := c.compareCounts()
	if !c.fix {
		return nil
	}
	return c.store.fixTotals(ctx, puts, append(deletes, without...), differences)
}

// compareCounts reports the counts that are wrong, and returns by how much.
func (c *tableCheck) compareCounts() counts {
	names := map[string]bool{}
	for _, all := range []counts{c.counts, c.expect} {
		for name := range all {
			names[name] = true
		}
	}
	differences := counts{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if d := c.expect[name] - c.counts[name]; d != 0 {
			differences[name] = d
			c.report(store.Fault{
				Text:  fmt.Sprintf("the count %q is %d instead of %d", name, c.counts[name], c.expect[name]),
				Fixed: c.fix,
			})
		}
	}
	return differences
}

// fixTotals writes and deletes items, and corrects the counts. An interrupted fix is completed by the next one, which
// compares again.
func (s *Store) fixTotals(ctx context.Context, puts, deletes []item, differences counts) error {
	for _, k := range deletes {
		if err := s.deleteItem(ctx, k); err != nil {
			return err
		}
	}
	for _, i := range puts {
		if err := s.putItem(ctx, i); err != nil {
			return err
		}
	}
	if len(differences) == 0 {
		return nil
	}
	return s.correctBase(ctx, differences)
}
