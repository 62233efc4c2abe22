package dynamodb

import (
	"context"
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"golang.org/x/sync/errgroup"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// The index by age has the orders with pending approvals, the oldest first. The sort key of an order is the time of its
// oldest approval and its ID, as in a cursor of the list. The workflows with their numbers and oldest times follow, so that
// the age of the oldest approval of a workflow and the number of its approvals are found in the index alone.

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

// encodeWaiting returns the sort key of an order with pending approvals. Workflows that take too much space are left
// out.
func encodeWaiting(o *approval.Order) []byte {
	b := encodeAge(store.AgeCursor{Since: store.OldestPending(o.PendingApprovals()), OrderID: o.ID})
	without := len(b)
	b = append(b, 0)
	pending := pendingByWorkflow(o)
	for _, name := range slices.Sorted(maps.Keys(pending)) {
		b = binary.AppendUvarint(b, uint64(pending[name].count))
		b = binary.BigEndian.AppendUint64(b, uint64(toNanos(pending[name].oldest))^1<<63)
		b = binary.AppendUvarint(b, uint64(len(name)))
		b = append(b, name...)
	}
	if len(b) > maxSortKey {
		return b[:without]
	}
	return b
}

// decodeWaiting returns the workflows in a sort key of an order. It reports false if they were left out: an older
// version wrote the key, or they took too much space.
func decodeWaiting(key []byte, orderID string) (map[string]workflowPending, bool) {
	prefix := 8 + len(orderID)
	if len(key) <= prefix || key[prefix] != 0 {
		return nil, false
	}
	out := map[string]workflowPending{}
	for rest := key[prefix+1:]; len(rest) > 0; {
		count, n := binary.Uvarint(rest)
		if n <= 0 || len(rest) < n+8 {
			return nil, false
		}
		oldest := fromNanos(int64(binary.BigEndian.Uint64(rest[n:]) ^ 1<<63))
		rest = rest[n+8:]
		size, n := binary.Uvarint(rest)
		if n <= 0 || uint64(len(rest)-n) < size {
			return nil, false
		}
		out[string(rest[n:n+int(size)])] = workflowPending{count: int64(count), oldest: oldest}
		rest = rest[n+int(size):]
	}
	return out, true
}

const (
	// agePage is the number of rows that are read from each shard at once.
	agePage = 100
	// maxAgeRows bounds the rows that Stats reads to find the oldest approval of each workflow.
	maxAgeRows = 20_000
)

// ageWalk reads the index by age from the oldest order on, in all shards at the same time.
type ageWalk struct {
	store   *Store
	page    int
	shards  []string
	from    []item  // where the next page of each shard begins
	reached []int64 // all rows of a shard up to this time are read
	rows    int
	pending map[string]workflowPending // found so far
}

func (s *Store) newAgeWalk(ctx context.Context, page int) (*ageWalk, error) {
	shards, err := s.allShards(ctx)
	w := &ageWalk{
		store:   s,
		page:    page,
		shards:  shards,
		from:    make([]item, len(shards)),
		reached: make([]int64, len(shards)),
		pending: map[string]workflowPending{},
	}
	for i := range w.reached {
		w.reached[i] = math.MinInt64
	}
	return w, err
}

// isComplete reports whether all rows are read.
func (w *ageWalk) isComplete() bool { return slices.Min(w.reached) == math.MaxInt64 }

// next reads the next page of each shard that was not read up to this time.
func (w *ageWalk) next(ctx context.Context, until int64) error {
	pages := make([]*dynamodb.QueryOutput, len(w.shards))
	var group errgroup.Group
	group.SetLimit(maxConcurrent)
	for i, shard := range w.shards {
		if w.reached[i] > until || w.reached[i] == math.MaxInt64 {
			continue
		}
		group.Go(func() error {
			return w.store.withRetries(ctx, func(ctx context.Context) (err error) {
				pages[i], err = w.store.client.Query(ctx, &dynamodb.QueryInput{
					TableName:                 &w.store.config.Table,
					IndexName:                 aws.String("age"),
					KeyConditionExpression:    aws.String("pending_shard = :shard"),
					ExpressionAttributeValues: item{":shard": stringAttr(shard)},
					Limit:                     aws.Int32(int32(w.page)),
					ExclusiveStartKey:         w.from[i],
				})
				return err
			})
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, page := range pages {
		if page == nil {
			continue
		}
		w.rows += len(page.Items)
		if w.from[i] = page.LastEvaluatedKey; len(w.from[i]) == 0 {
			w.reached[i] = math.MaxInt64
		} else {
			w.reached[i] = toNanos(ageCursorOf(page.Items[len(page.Items)-1]).Since)
		}
		if err := w.addRows(ctx, page.Items); err != nil {
			return err
		}
	}
	return nil
}

// addRows counts rows. It reads the records of rows without their workflows.
func (w *ageWalk) addRows(ctx context.Context, rows []item) error {
	var unknown []item
	for _, row := range rows {
		pending, ok := decodeWaiting(getBytes(row, "waits_since"), orderIDOf(row))
		if !ok {
			unknown = append(unknown, row)
		}
		w.add(pending)
	}
	items, err := w.store.getItems(ctx, unknown)
	for _, i := range items {
		if o, _, err := w.store.decodeOrder(orderIDOf(i), i); err == nil {
			w.add(pendingByWorkflow(o))
		}
	}
	return err
}

func (w *ageWalk) add(pending map[string]workflowPending) {
	for name, p := range pending {
		sum := w.pending[name]
		if sum.count == 0 || p.oldest.Before(sum.oldest) {
			sum.oldest = p.oldest
		}
		sum.count += p.count
		w.pending[name] = sum
	}
}

// countWaiting sets the number of pending approvals of each workflow and the time of the oldest. If the index has few rows,
// it counts them. Otherwise the numbers are the counts, and it reads the index until the oldest approval of each workflow is
// found.
func (s *Store) countWaiting(ctx context.Context, counted counts, out *store.Stats) error {
	w, err := s.newAgeWalk(ctx, agePage)
	if err != nil {
		return err
	}
	until := int64(math.MinInt64)
	for first := true; first || !w.isComplete() && slices.Min(w.reached) <= until && w.rows < maxAgeRows; first = false {
		if err := w.next(ctx, until); err != nil {
			return err
		}
		until = w.searchUntil(counted)
	}
	if w.isComplete() {
		for name, p := range w.pending {
			out.Workflows[name] = store.WorkflowStats{Pending: int(p.count), Oldest: p.oldest}
		}
		return nil
	}
	for name, n := range counted {
		workflow, ok := cutPending(name)
		if !ok || n <= 0 {
			continue
		}
		oldest := w.pending[workflow].oldest
		if oldest.IsZero() { // it is behind the bound, so it is younger than this
			oldest = fromNanos(slices.Min(w.reached))
		}
		out.Workflows[workflow] = store.WorkflowStats{Pending: int(n), Oldest: oldest}
	}
	return nil
}

// hasPending reports whether an approval of any workflow is pending.
func (c counts) hasPending() bool {
	for name, n := range c {
		if _, ok := cutPending(name); ok && n > 0 {
			return true
		}
	}
	return false
}

// searchUntil returns the time up to which rows must be read so that the oldest approval of each workflow is known.
func (w *ageWalk) searchUntil(counted counts) int64 {
	until := int64(math.MinInt64)
	for name, n := range counted {
		workflow, ok := cutPending(name)
		if !ok || n <= 0 {
			continue
		}
		found, ok := w.pending[workflow]
		if !ok {
			return math.MaxInt64 - 1
		}
		until = max(until, toNanos(found.oldest)-1)
	}
	return until
}
