package dynamodb

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/approval-relay/approval-relay/store"
)

// CheckRecords implements store.RecordKeeper. It reads the whole table. No worker may write meanwhile: a change between
// two pages would look like a fault. If a record cannot be read, the counts are not compared.
func (s *Store) CheckRecords(ctx context.Context, fix bool, report func(store.Fault)) error {
	c := &tableCheck{
		store:   s,
		fix:     fix,
		report:  report,
		pending: map[string]bool{},
		wanted:  map[string]item{},
		counts:  map[string]int64{},
		expect:  map[string]int64{},
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
	pending   map[string]bool // the items of pending approvals and owed answers in the table, by key
	wanted    map[string]item // the items of this kind that the records need, by key
	counts    map[string]int64
	expect    map[string]int64
}

func keyText(i item) string { return getString(i, "pk") + "\n" + getString(i, "sk") }

func (c *tableCheck) addItem(ctx context.Context, i item) error {
	switch pk := getString(i, "pk"); {
	case isOrder(i):
		return c.addOrder(ctx, i)
	case strings.HasPrefix(pk, pendingPrefix), strings.HasPrefix(pk, owedPrefix):
		c.pending[keyText(i)] = true
	case pk == "letters":
		c.expect["letters"]++
	case strings.HasPrefix(pk, "count#"):
		for name := range i {
			if name != "pk" && name != "sk" {
				c.counts[name] += getNumber(i, name)
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
	whole.changeOwed(nil, owedSince(o))
	for _, k := range whole.opened {
		c.wanted[keyText(k)] = k
	}
	want := orderItem(o, i, getBytes(i, "order_record"))
	var names []string
	for _, name := range derivedAttributes() {
		if !reflect.DeepEqual(i[name], want[name]) && (name != "next_at" || i[name] == nil || want[name] == nil) { // a lease changes it
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

// compareTotals compares the items of pending approvals and owed answers, and the counts with the records.
func (c *tableCheck) compareTotals(ctx context.Context) error {
	writes := &change{}
	for _, key := range slices.Sorted(maps.Keys(c.pending)) {
		if c.wanted[key] == nil {
			pk, sk, _ := strings.Cut(key, "\n")
			writes.ended = append(writes.ended, itemKey(pk, sk))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.wanted)) {
		if !c.pending[key] {
			writes.opened = append(writes.opened, c.wanted[key])
		}
	}
	if n := len(writes.ended) + len(writes.opened); n > 0 {
		c.report(store.Fault{
			Text: fmt.Sprintf("the items of pending approvals and owed answers are not those of the records: %d too many, %d missing",
				len(writes.ended), len(writes.opened)),
			Fixed: c.fix,
		})
	}
	differences := map[string]int64{}
	for _, counts := range []map[string]int64{c.counts, c.expect} {
		for name := range counts {
			if d := c.expect[name] - c.counts[name]; d != 0 {
				differences[name] = d
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(differences)) {
		c.report(store.Fault{
			Text:  fmt.Sprintf("the count %q is %d instead of %d", name, c.counts[name], c.expect[name]),
			Fixed: c.fix,
		})
	}
	if !c.fix {
		return nil
	}
	return c.store.fixTotals(ctx, writes, differences)
}

// fixTotals writes the pending items, and adds the differences to the counts. An interrupted fix is completed by the next
// one, which compares again.
func (s *Store) fixTotals(ctx context.Context, writes *change, differences map[string]int64) error {
	for _, k := range writes.ended {
		if err := s.withRetries(ctx, func(ctx context.Context) error {
			_, err := s.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.config.Table, Key: k})
			return err
		}); err != nil {
			return err
		}
	}
	for _, k := range writes.opened {
		if err := s.withRetries(ctx, func(ctx context.Context) error {
			_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.config.Table, Item: k})
			return err
		}); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(differences)) {
		u := s.countUpdate(map[string]int64{name: differences[name]})[0].Update
		// It is not repeated: an addition whose answer was lost would count twice.
		if _, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName:                 u.TableName,
			Key:                       u.Key,
			UpdateExpression:          u.UpdateExpression,
			ExpressionAttributeNames:  u.ExpressionAttributeNames,
			ExpressionAttributeValues: u.ExpressionAttributeValues,
		}); err != nil {
			return withoutContent(err)
		}
	}
	return nil
}
