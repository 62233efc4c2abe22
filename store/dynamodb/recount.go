package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/approval-relay/approval-relay/store"
)

// A recount compares the counts with the indexes. A worker makes it every hour, a few pages in each second. Others work
// meanwhile: a recount can differ from the counts before it by the number of changes until all workers have stored
// their totals after it. Only a larger difference is an error of the counts, and is added to the base. On a table at
// rest the counts are exact after a recount, and on any table they are as exact as a recount can be.

const (
	recountInterval = time.Hour
	// settleTime is the time until all workers have stored their totals, and the indexes have all writes.
	settleTime = 2*beatInterval + 5*time.Second
	// recountPage is the number of rows that a step of a recount reads from each shard.
	recountPage = 500
	// maxRecounted bounds the records and the dead letters that a recount reads. Beyond it, their counts stay as they are.
	maxRecounted = 5000
)

// recount is the state of a recount.
type recount struct {
	beganAt   time.Time
	before    totals
	walk      *ageWalk
	found     counts
	unknown   bool // the orders that need attention were too many
	walkedAt  time.Time
	isRunning bool
	stepAt    time.Time
}

// isDue reports whether the recount has something to do.
func (r *recount) isDue(now time.Time) bool {
	switch {
	case !r.isRunning:
		return now.Sub(r.beganAt) >= recountInterval
	case !r.walkedAt.IsZero():
		return now.Sub(r.walkedAt) >= settleTime
	}
	return now.Sub(r.stepAt) >= time.Second
}

// stepRecount makes the next step of a recount, if it is due.
func (s *Store) stepRecount(ctx context.Context) error {
	r := &s.upkeep.recount
	now := time.Now()
	if !r.isDue(now) {
		return nil
	}
	r.stepAt = now
	var err error
	switch {
	case !r.isRunning:
		err = s.beginRecount(ctx, r)
	case !r.walkedAt.IsZero():
		err = s.endRecount(ctx, r)
		*r = recount{beganAt: r.beganAt}
	case !r.walk.isComplete():
		err = r.walk.next(ctx, math.MaxInt64-1)
	default:
		err = s.recountOthers(ctx, r)
		r.walkedAt = time.Now()
	}
	if err != nil { // the next recount begins later
		*r = recount{beganAt: now}
		return fmt.Errorf("recount: %w", err)
	}
	return nil
}

func (s *Store) beginRecount(ctx context.Context, r *recount) (err error) {
	*r = recount{beganAt: time.Now(), isRunning: true, found: counts{}}
	if err = s.foldLegacyCounts(ctx); err != nil {
		return err
	}
	if err = s.tally.flush(ctx); err != nil {
		return err
	}
	if r.before, err = s.readTotals(ctx); err != nil {
		return err
	}
	r.walk, err = s.newAgeWalk(ctx, recountPage)
	return err
}

// recountOthers counts the rest: the orders that need attention, and the dead letters. It deletes
// superfluous items of owed answers.
func (s *Store) recountOthers(ctx context.Context, r *recount) error {
	for name, p := range r.walk.pending {
		r.found[pendingPrefix+name] = p.count
	}
	rows, err := s.queryIndex(ctx, indexQuery{
		index:      "exhausted",
		partitions: statePartitions(store.InRetrying, r.walk.shards),
		limit:      maxRecounted,
	})
	if err != nil {
		return err
	}
	if r.unknown = len(rows) >= maxRecounted; !r.unknown {
		items, err := s.getItems(ctx, rows)
		if err != nil {
			return err
		}
		for _, i := range items {
			whole := &change{counts: r.found}
			whole.countStates(0, storedStates(i))
		}
	}
	letters, err := s.queryPartition(ctx, "letters", store.FormatDeadLetterID(0), maxRecounted, aws.String(headAttributes))
	if err != nil {
		return err
	}
	r.found["letters"] = int64(len(letters))
	return s.deleteStaleOwed(ctx, r.walk.shards)
}

// endRecount corrects the base.
func (s *Store) endRecount(ctx context.Context, r *recount) error {
	if err := s.tally.flush(ctx); err != nil {
		return err
	}
	after, err := s.readTotals(ctx)
	if err != nil {
		return err
	}
	differences := r.corrections(after)
	if len(differences) == 0 {
		return nil
	}
	return s.correctBase(ctx, differences)
}

// correctBase adds differences to the base. If another process changes it at the same time, the base stays.
func (s *Store) correctBase(ctx context.Context, differences counts) error {
	base, err := s.getItem(ctx, itemKey(talliesPartition, baseKey))
	if err != nil {
		return err
	}
	put := s.basePut(base, differences, nil)
	err = s.withRetries(ctx, func(ctx context.Context) error {
		_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
			TableName:                 put.TableName,
			Item:                      put.Item,
			ConditionExpression:       put.ConditionExpression,
			ExpressionAttributeValues: put.ExpressionAttributeValues,
		})
		return asConflict(err)
	})
	if _, isChanged := errors.AsType[*conflictError](err); isChanged { // or an earlier attempt succeeded
		return nil
	}
	return err
}

// corrections returns the errors of the counts: the differences that the changes since the beginning do not explain.
func (r *recount) corrections(after totals) counts {
	names := map[string]bool{}
	for _, c := range []counts{r.found, r.before.net, after.net} {
		for name := range c {
			names[name] = true
		}
	}
	out := counts{}
	for name := range names {
		isState := slices.ContainsFunc(stateCounts(), func(c stateCount) bool { return c.name == name })
		isFull := name == "letters" && r.found[name] >= maxRecounted
		if isState && r.unknown || isFull {
			continue
		}
		moved := after.moves[name] - r.before.moves[name]
		least := min(r.before.net[name], after.net[name]) - moved
		most := max(r.before.net[name], after.net[name]) + moved
		if found := r.found[name]; found < least {
			out.add(name, found-least)
		} else if found > most {
			out.add(name, found-most)
		}
	}
	return out
}

// deleteStaleOwed deletes the items of owed answers that their orders have lacked twice in a row: a worker puts such an
// item before it writes the order. It reads the oldest items of each shard: an outage leaves many that are not superfluous.
func (s *Store) deleteStaleOwed(ctx context.Context, shards []string) error {
	stale := map[string]item{}
	for _, shard := range shards {
		rows, err := s.queryPartition(ctx, owedPrefix+shard, "0", max(1, maxRecounted/len(shards)), nil)
		if err != nil {
			return err
		}
		for rows := range slices.Chunk(rows, maxBatchGet) {
			if err := s.findStaleOwed(ctx, rows, stale); err != nil {
				return err
			}
		}
	}
	for key, k := range stale {
		if s.staleOwed[key] != nil {
			if err := s.deleteItem(ctx, k); err != nil {
				return err
			}
		}
	}
	s.staleOwed = stale
	return nil
}

// findStaleOwed adds the keys of items of owed answers that their orders lack.
func (s *Store) findStaleOwed(ctx context.Context, rows []item, stale map[string]item) error {
	byOrder := map[string]item{}
	for _, row := range rows {
		if id := getString(row, "order"); id != "" { // version 1 did not store it: the next write of the order deletes the item
			byOrder[id] = orderKey(id)
			stale[keyText(row)] = itemKey(getString(row, "pk"), getString(row, "sk"))
		}
	}
	var keys []item
	for _, k := range byOrder {
		keys = append(keys, k)
	}
	orders, err := s.getItems(ctx, keys)
	for _, order := range orders {
		for key := range owedItems(order) {
			delete(stale, key)
		}
	}
	return err
}

// fingerprint returns a text that differs between two totals of a process.
func fingerprint(i item) string { return fmt.Sprint(getCounts(i, "net"), getCounts(i, "moves")) }
