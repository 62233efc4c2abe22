package dynamodb

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"golang.org/x/sync/errgroup"
)

// Claim implements store.Store. It takes the orders from the timers. A scan of the owned shards completes them every few
// seconds. The lease is in the memory of this process. Two processes claim the same order only if the worker that has
// written it is slow, or while the ownership of its shard changes: the write by which an action begins decides then.
//
// If a beat or a scan fails, the orders that are known are claimed all the same, and returned beside the error.
func (s *Store) Claim(ctx context.Context, now time.Time, limit int, lease time.Duration) ([]string, error) {
	if limit <= 0 {
		return nil, ctx.Err()
	}
	calls, cancel := context.WithTimeout(ctx, claimTimeout)
	defer cancel()
	err := s.beatIfDue(calls)
	if err == nil {
		err = s.scanIfDue(calls, now)
	}
	if err == nil {
		s.startUpkeep(ctx)
		err = s.takeUpkeepError()
	}
	if ctx.Err() != nil { // the caller has left, and would not advance them
		return nil, ctx.Err()
	}
	ids := s.timers.take(toNanos(now), toNanos(now.Add(lease)), limit)
	if err != nil {
		return ids, fmt.Errorf("claim due orders: %w", err)
	}
	return ids, nil
}

const (
	// claimTimeout bounds the beat and the scan of a Claim: while they fail, the orders that are known still have to be
	// claimed in time.
	claimTimeout = 5 * time.Second
	// scanInterval is the time between two scans of the owned shards.
	scanInterval = 10 * time.Second
	// aloneInterval is the time between two scans if all orders are of this worker.
	aloneInterval = 2 * time.Minute
	// scanGrace is how long an order that another worker may have written is left to that worker.
	scanGrace = time.Second
	// scanRows is the number of rows that a scan reads from a shard at once.
	scanRows = 500
	// fewDue is the number of due orders below which a scan goes on with the next rows.
	fewDue = 256
)

// scans is the state of the scans of the owned shards.
type scans struct {
	began     time.Time     // the current scan, or the last
	interval  time.Duration // until the next one begins
	pages     int           // of the current scan
	isRunning bool
	hasFailed bool            // the last read of a shard, which is open
	open      map[string]item // the shards with further rows, and where they begin
}

// nextInterval returns the time from the beginning of the next scan to that of the scan after it. A scan of many pages is
// made less often, and reads further ahead.
func (s *scans) nextInterval(isAlone bool) time.Duration {
	interval := scanInterval
	if isAlone {
		interval = aloneInterval
	}
	return min(interval*time.Duration(max(1, s.pages/64)), timerHorizon)
}

// scanIfDue looks for orders in the owned shards that are due, or will be before the next scan. A scan of many rows is
// continued by the next calls, when their orders have been claimed. While a shard cannot be read, the scans of the others
// go on.
func (s *Store) scanIfDue(ctx context.Context, now time.Time) error {
	s.scanning.Lock()
	defer s.scanning.Unlock()
	scan := &s.scans
	began := time.Now()
	isDue := (!scan.isRunning || scan.hasFailed) && (scan.began.IsZero() || began.Sub(scan.began) >= scan.interval)
	moved := s.members.takeMoved()
	if isDue || moved && !scan.isRunning {
		interval, open := scan.nextInterval(s.members.isAlone()), scan.open
		if open == nil {
			open = map[string]item{}
		}
		*scan = scans{began: began, interval: interval, isRunning: true, hasFailed: scan.hasFailed, open: open}
	}
	if isDue || moved {
		scan.addShards(s.members.ownedShards())
	}
	if !scan.isRunning || s.timers.countDue(toNanos(now), fewDue) >= fewDue || s.upkeep.countExpired() >= maxExpired/2 {
		return nil
	}
	if err := s.scanPages(ctx, scan, now, now.Add(scan.interval+scanInterval)); err != nil {
		return err
	}
	scan.isRunning = len(scan.open) > 0
	return nil
}

// addShards lets the scan read shards from their beginning, unless it is reading them. The shards of a worker that has
// ended need not wait until a long scan is complete.
func (s *scans) addShards(names []string) {
	for _, name := range names {
		if _, isOpen := s.open[name]; !isOpen {
			s.open[name] = nil
		}
	}
}

// scanPages reads the next rows of each open shard that are due until then. A shard that cannot be read stays open, and the
// others are read.
func (s *Store) scanPages(ctx context.Context, scan *scans, now, until time.Time) error {
	shards := slices.Sorted(maps.Keys(scan.open))
	pages := make([]*dynamodb.QueryOutput, len(shards))
	errs := make([]error, len(shards))
	var group errgroup.Group
	group.SetLimit(maxConcurrent)
	for i, shard := range shards {
		group.Go(func() error {
			errs[i] = s.withRetries(ctx, func(ctx context.Context) (err error) {
				pages[i], err = s.client.Query(ctx, &dynamodb.QueryInput{
					TableName:                 &s.config.Table,
					IndexName:                 aws.String("due"),
					KeyConditionExpression:    aws.String("due_shard = :shard AND next_at <= :until"),
					ExpressionAttributeValues: item{":shard": stringAttr(shard), ":until": numberAttr(toNanos(until))},
					Limit:                     aws.Int32(scanRows),
					ExclusiveStartKey:         scan.open[shard],
				})
				return err
			})
			return errs[i]
		})
	}
	err := group.Wait()
	scan.hasFailed = err != nil
	grace := scanGrace
	if s.members.isAlone() {
		grace = 0
	}
	for i, shard := range shards {
		if errs[i] != nil {
			continue
		}
		for _, row := range pages[i].Items {
			s.foundDue(row, now, grace)
		}
		scan.pages++
		if scan.open[shard] = pages[i].LastEvaluatedKey; len(scan.open[shard]) == 0 {
			delete(scan.open, shard)
		}
	}
	return err
}

// foundDue adds the order of an index row to the timers. A row may lag behind a write of this process.
func (s *Store) foundDue(row item, now time.Time, grace time.Duration) {
	next, id := getNumber(row, "next_at"), orderIDOf(row)
	if kept, ok := s.recent.find(id); ok && time.Since(kept.writtenAt) < scanInterval/2 && getNumber(kept.item, "next_at") != next {
		return
	}
	if isRemoval(row) {
		if next <= toNanos(now) {
			s.upkeep.addExpired(row)
		}
		return
	}
	s.timers.find(id, next+int64(grace))
}

// maxConcurrent bounds the concurrent calls of a scan.
const maxConcurrent = 32

// indexQuery is a query of an index.
type indexQuery struct {
	index, where string
	partitions   []string
	values       item
	limit        int // rows per partition
}

// queryIndex returns the rows of the partitions.
func (s *Store) queryIndex(ctx context.Context, q indexQuery) ([]item, error) {
	parts := make([][]item, len(q.partitions))
	var group errgroup.Group
	group.SetLimit(maxConcurrent)
	for i, partition := range q.partitions {
		group.Go(func() (err error) {
			parts[i], err = s.queryIndexPartition(ctx, q, partition)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(parts...), nil
}

func (s *Store) queryIndexPartition(ctx context.Context, q indexQuery, partition string) (rows []item, err error) {
	x := tableIndexes()[slices.IndexFunc(tableIndexes(), func(x tableIndex) bool { return x.name == q.index })]
	where := x.partition + " = :shard"
	if q.where != "" {
		where += " AND " + q.where
	}
	values := item{":shard": stringAttr(partition)}
	maps.Copy(values, q.values)
	var from item
	for {
		err := s.withRetries(ctx, func(ctx context.Context) error {
			page, err := s.client.Query(ctx, &dynamodb.QueryInput{
				TableName:                 &s.config.Table,
				IndexName:                 &q.index,
				KeyConditionExpression:    &where,
				ExpressionAttributeValues: values,
				Limit:                     aws.Int32(int32(q.limit - len(rows))),
				ExclusiveStartKey:         from,
			})
			if err == nil {
				rows = append(rows, page.Items...)
				from = page.LastEvaluatedKey
			}
			return err
		})
		if err != nil || len(from) == 0 || len(rows) >= q.limit {
			return rows, err
		}
	}
}
