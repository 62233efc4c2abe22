package dynamodb

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"golang.org/x/sync/errgroup"
)

// upkeep is the background work of a worker: it removes orders after their retention, adds the totals of
// processes that have ended to the base, and recounts. A Claim starts a round, and at most one is under way. A round is
// short, so that a store that becomes read-only is soon at rest.
type upkeep struct {
	group     sync.WaitGroup
	isRunning atomic.Bool

	mu      sync.Mutex
	expired []item // index rows of orders that are due to be removed

	// These belong to the round that is under way.
	foldedAt time.Time
	idle     map[string]time.Time // since when a process with totals has been missing
	recount  recount
}

const (
	// maxExpired bounds the rows that are kept for the next round.
	maxExpired = 4000
	// upkeepTime bounds a round.
	upkeepTime = 5 * time.Second
	// foldInterval is the time between two looks at the totals of other processes.
	foldInterval = 10 * time.Minute
)

// addExpired adds the row of an order that is due to be removed. If the list is full, a later scan finds it again.
func (u *upkeep) addExpired(row item) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.expired) < maxExpired {
		u.expired = append(u.expired, row)
	}
}

func (u *upkeep) takeExpired() []item {
	u.mu.Lock()
	defer u.mu.Unlock()
	rows := u.expired
	u.expired = nil
	return rows
}

// countExpired returns the number of orders that wait to be removed.
func (u *upkeep) countExpired() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.expired)
}

// startUpkeep starts a round if it has work and the last round has ended.
func (s *Store) startUpkeep(ctx context.Context) {
	u := &s.upkeep
	if !u.isRunning.CompareAndSwap(false, true) { // what follows belongs to the round that runs
		return
	}
	isLeader := slices.Contains(s.members.ownedShards(), "0")
	now := time.Now()
	if u.countExpired() == 0 && (!isLeader || now.Sub(u.foldedAt) < foldInterval && !u.recount.isDue(now)) {
		u.isRunning.Store(false)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), upkeepTime)
	u.group.Go(func() {
		defer u.isRunning.Store(false)
		defer cancel()
		var err error
		if isLeader { // first, because many removals can take the whole round
			err = errors.Join(s.foldEnded(ctx), s.stepRecount(ctx))
		}
		err = errors.Join(err, s.removeExpired(ctx, u.takeExpired()))
		if err != nil && ctx.Err() == nil {
			s.upkeepFailed(err)
		}
	})
}

// upkeepFailed keeps an error for the next Claim.
func (s *Store) upkeepFailed(err error) {
	s.upkeep.mu.Lock()
	defer s.upkeep.mu.Unlock()
	s.upkeepErr = err
}

// takeUpkeepError returns the error of the last round.
func (s *Store) takeUpkeepError() error {
	s.upkeep.mu.Lock()
	defer s.upkeep.mu.Unlock()
	err := s.upkeepErr
	s.upkeepErr = nil
	return err
}

// removeExpired removes orders that have nothing else to do, without reading them. The condition fails if they
// were written since.
func (s *Store) removeExpired(ctx context.Context, rows []item) error {
	var group errgroup.Group
	group.SetLimit(maxConcurrent)
	for _, row := range rows {
		group.Go(func() error {
			err := s.withRetries(ctx, func(ctx context.Context) error {
				_, err := s.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
					TableName:                 &s.config.Table,
					Key:                       item{"pk": row["pk"], "sk": row["sk"]},
					ConditionExpression:       aws.String("next_at = :next AND due_at = :due"),
					ExpressionAttributeValues: item{":next": row["next_at"], ":due": row["due_at"]},
				})
				return asConflict(err)
			})
			if _, isWritten := errors.AsType[*conflictError](err); isWritten { // or removed
				return nil
			}
			s.recent.forget(orderIDOf(row))
			return err
		})
	}
	return group.Wait()
}

// foldEnded adds the totals of processes that have ended to the base. If a process was taken for dead, its totals are
// safe: it finds that its item is gone, and begins with new totals.
func (s *Store) foldEnded(ctx context.Context) error {
	u := &s.upkeep
	now := time.Now()
	if now.Sub(u.foldedAt) < foldInterval {
		return nil
	}
	t, err := s.readTotals(ctx)
	if err != nil {
		return err
	}
	u.foldedAt = now
	idle := map[string]time.Time{}
	for _, i := range t.processes {
		key := getString(i, "sk") + "\n" + fingerprint(i)
		since, known := u.idle[key]
		if !known {
			since = now
		}
		idle[key] = since
		if getString(i, "sk") == s.tally.itemID() || now.Sub(since) < removeAfter {
			continue
		}
		base, err := s.getItem(ctx, itemKey(talliesPartition, baseKey))
		if err == nil {
			err = s.foldTally(ctx, base, i)
		}
		if err != nil {
			return err
		}
	}
	u.idle = idle
	return nil
}
