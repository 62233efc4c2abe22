package dynamodb

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// The counts of Stats are not part of the writes of orders: an item with a count would be written by every update of every
// worker. Each process counts its own writes, and stores its totals every few seconds in an item of its own. The
// totals are absolute, so that a write can be repeated. A count is the sum of the base and of all totals.
//
// A process that is killed loses its counts since that write. The recount finds that, see recount.go.

// The keys of the items with totals.
const (
	talliesPartition = "tallies"
	baseKey          = "#base"
)

// counts are numbers by their names.
type counts map[string]int64

func (c counts) add(name string, n int64) {
	if n != 0 {
		c[name] += n
	}
}

// addAll adds other counts.
func (c counts) addAll(other counts, factor int64) {
	for name, n := range other {
		c.add(name, factor*n)
	}
}

// tally is the totals of a process.
type tally struct {
	store *Store

	mu sync.Mutex
	id string // of the item; it changes after another process has added the totals to the base
	// net has the differences that this process has made, and moves the number of changes: two workers that open and close
	// approvals in turn leave net as it is, and a recount must know that they were at work.
	net, moves counts
	isChanged  bool
	flushed    counts // the totals in the item, nil if it does not exist

	flushing sync.Mutex
}

func newTally(s *Store) *tally {
	return &tally{
		store: s, id: newProcessID(),
		net: counts{}, moves: counts{},
	}
}

// add counts the differences that a write has made.
func (t *tally) add(differences counts) {
	if len(differences) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.isChanged = true
	for name, n := range differences {
		t.net.add(name, n)
		t.moves.add(name, max(n, -n))
	}
}

// itemID returns the sort key of the item.
func (t *tally) itemID() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.id
}

// unflushed returns the part that is not in the stored totals yet. It gets the item of this process, or nil before the
// first flush.
func (t *tally) unflushed(stored item) counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	rest := maps.Clone(t.net)
	if stored != nil {
		rest.addAll(getCounts(stored, "net"), -1)
	} else {
		rest.addAll(t.flushed, -1) // they are in the base, if there were any
	}
	return rest
}

// flush stores the totals if they have changed.
func (t *tally) flush(ctx context.Context) error {
	t.flushing.Lock()
	defer t.flushing.Unlock()
	for range 2 {
		t.mu.Lock()
		if !t.isChanged {
			t.mu.Unlock()
			return nil
		}
		net, moves, isNew, id := maps.Clone(t.net), maps.Clone(t.moves), t.flushed == nil, t.id
		t.isChanged = false
		t.mu.Unlock()

		err := t.put(ctx, id, net, moves, isNew)
		_, isFolded := errors.AsType[*conflictError](err)

		t.mu.Lock()
		switch {
		case err == nil:
			t.flushed = net
		case isFolded: // the base has the flushed totals
			t.net.addAll(t.flushed, -1)
			t.flushed, t.id, t.isChanged = nil, newProcessID(), true
		default:
			t.isChanged = true
		}
		t.mu.Unlock()
		if !isFolded {
			return err
		}
	}
	return nil
}

func (t *tally) put(ctx context.Context, id string, net, moves counts, isNew bool) error {
	in := &dynamodb.PutItemInput{TableName: &t.store.config.Table, Item: tallyItem(id, net, moves)}
	if !isNew {
		in.ConditionExpression = aws.String("attribute_exists(pk)")
	}
	return t.store.withRetries(ctx, func(ctx context.Context) error {
		_, err := t.store.client.PutItem(ctx, in)
		return asConflict(err)
	})
}

func tallyItem(id string, net, moves counts) item {
	i := itemKey(talliesPartition, id)
	i["net"] = countsAttr(net)
	i["moves"] = countsAttr(moves)
	return i
}

func countsAttr(c counts) types.AttributeValue {
	m := item{}
	for name, n := range c {
		if n != 0 {
			m[name] = numberAttr(n)
		}
	}
	return &types.AttributeValueMemberM{Value: m}
}

func getCounts(i item, name string) counts {
	c := counts{}
	if m, ok := i[name].(*types.AttributeValueMemberM); ok {
		for name := range m.Value {
			c.add(name, getNumber(m.Value, name))
		}
	}
	return c
}

// totals are the totals of the base and of all processes.
type totals struct {
	net, moves counts
	base       item // nil in a new table
	processes  []item
}

// readTotals reads the totals of all processes as they have stored them.
func (s *Store) readTotals(ctx context.Context) (totals, error) {
	t := totals{net: counts{}, moves: counts{}}
	rows, err := s.readPartition(ctx, talliesPartition, true)
	for _, i := range rows {
		t.net.addAll(getCounts(i, "net"), 1)
		t.moves.addAll(getCounts(i, "moves"), 1)
		if getString(i, "sk") == baseKey {
			t.base = i
		} else {
			t.processes = append(t.processes, i)
		}
	}
	return t, err
}

// sumCounts returns the counts, with the part of this process that is not stored yet.
func (s *Store) sumCounts(ctx context.Context) (counts, error) {
	s.tally.flushing.Lock() // so that the item and the rest belong to the same moment
	defer s.tally.flushing.Unlock()
	t, err := s.readTotals(ctx)
	if err != nil {
		return nil, err
	}
	var own item
	for _, i := range t.processes {
		if getString(i, "sk") == s.tally.itemID() {
			own = i
		}
	}
	t.net.addAll(s.tally.unflushed(own), 1)
	return t.net, nil
}

// readPartition reads all items of a small partition.
func (s *Store) readPartition(ctx context.Context, pk string, isStrong bool) (rows []item, err error) {
	var from item
	for {
		var page *dynamodb.QueryOutput
		err := s.withRetries(ctx, func(ctx context.Context) (err error) {
			page, err = s.client.Query(ctx, &dynamodb.QueryInput{
				TableName:                 &s.config.Table,
				KeyConditionExpression:    aws.String("pk = :pk"),
				ConsistentRead:            aws.Bool(isStrong),
				ExpressionAttributeValues: item{":pk": stringAttr(pk)},
				ExclusiveStartKey:         from,
			})
			return err
		})
		if err != nil {
			return nil, err
		}
		rows = append(rows, page.Items...)
		if from = page.LastEvaluatedKey; len(from) == 0 {
			return rows, nil
		}
	}
}

// basePut returns the write that adds numbers, and the totals of a process unless they are nil, to the base as it was read.
func (s *Store) basePut(base item, differences counts, folded item) *types.Put {
	net, moves := getCounts(base, "net"), getCounts(base, "moves")
	net.addAll(differences, 1)
	net.addAll(getCounts(folded, "net"), 1)
	moves.addAll(getCounts(folded, "moves"), 1)
	after := tallyItem(baseKey, net, moves)
	after["version"] = numberAttr(getNumber(base, "version") + 1)
	if at, ok := base["recounted_at"]; ok {
		after["recounted_at"] = at
	}
	put := &types.Put{TableName: &s.config.Table, Item: after}
	if base == nil {
		put.ConditionExpression = aws.String("attribute_not_exists(pk)")
	} else {
		put.ConditionExpression = aws.String("version = :version")
		put.ExpressionAttributeValues = item{":version": base["version"]}
	}
	return put
}

// foldTally adds the totals of a process that has ended to the base, and deletes them. If either has changed, both
// stay.
func (s *Store) foldTally(ctx context.Context, base, folded item) error {
	remove := &types.Delete{
		TableName:                 &s.config.Table,
		Key:                       item{"pk": folded["pk"], "sk": folded["sk"]},
		ConditionExpression:       aws.String("net = :net AND moves = :moves"),
		ExpressionAttributeValues: item{":net": folded["net"], ":moves": folded["moves"]},
	}
	items := []types.TransactWriteItem{{Put: s.basePut(base, nil, folded)}, {Delete: remove}}
	err := s.withRetries(ctx, func(ctx context.Context) error { return s.transactItems(ctx, items) })
	if isConditionFailed(err) {
		return nil
	}
	return err
}

// isConditionFailed reports whether a condition of a write or of a transaction failed.
func isConditionFailed(err error) bool {
	if _, ok := errors.AsType[*conflictError](err); ok {
		return true
	}
	cancelled, ok := errors.AsType[*types.TransactionCanceledException](err)
	return ok && slices.ContainsFunc(cancelled.CancellationReasons, func(r types.CancellationReason) bool {
		return aws.ToString(r.Code) == "ConditionalCheckFailed"
	})
}
