// Package dynamodb keeps orders in a single DynamoDB table, for many processes at once. An order is an item with the
// keys of the indexes in which it is found. A change of an order is a single conditional write: the item must still be
// as it was read. A transaction is used only to add the totals of a process that has ended to the others.
//
// These rules hold, each with a test of the same meaning:
//
//   - A write without an answer is made again, and then fails its condition. The IDs of the last writes in the item tell
//     whether it was applied. It is counted once.
//   - A process may compute a change on an item that is old, because the write has a condition. It refuses a
//     transition, or leaves an order as it is, on the current item only.
//   - Before a call, the record of the begin-write is as good as a read, for the time of a lease: the begin was conditional,
//     and a later write by another worker could as well have come after a read.
//   - The counts are sums of totals that each process stores every ten seconds, and when it ends. A process that is killed
//     loses the last of them, a process that is taken for dead, but lives, keeps all. The recount of every hour finds them.
//   - An item of an owed answer is put before its order is written, and deleted after it: a superfluous item can be left, and
//     the recount deletes it. An item is never missing.
//   - Each shard has an owner among the living workers, which looks for its due orders. Two owners
//     cost calls, a missing owner costs time.
//   - A scan reads as far ahead as the next one is away. An order that another worker has written is found at its new time,
//     and an order whose write got lost is looked at soon. The scans find again the orders for which memory was too small.
//   - The number of shards grows. A worker reads new shards at once, and writes to them when every worker knows them.
package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/approval-relay/approval-relay/store"
)

// Config configures a Store. The region and the endpoint of its settings are those of AWS already.
type Config struct {
	Settings
	// AWS is the configuration of the SDK. Its retryer is not used: only the store can find out whether a write without
	// an answer was applied.
	AWS    aws.Config
	Sealer store.Sealer
	// Limits are those of each compressed record; all zero means those of DynamoDB.
	Limits store.RecordLimits
	// Observe is called after every write. It may be nil.
	Observe func(Commit)
	// ObserveCall is called after every call. It may be nil.
	ObserveCall func(Call)
	// Import also opens a table that a migration has not completed.
	Import bool
	// KeepVersion opens a table of an older version without raising its version.
	KeepVersion bool
	// Moved also opens a table that a migration has moved to another store, so that it can be read.
	Moved bool
}

// Commit describes a write.
type Commit struct {
	Took time.Duration // all attempts together
	Err  error
}

// Store implements store.Store and store.DeadLetters.
type Store struct {
	config Config
	client API
	locks  orderLocks
	recent *recentItems
	timers *timers
	tally  *tally

	decoded decodedOrders

	members *members
	load    indexLoad

	scanning  sync.Mutex // held during a scan
	scans     scans
	upkeep    upkeep
	upkeepErr error           // of the last round; guarded by upkeep
	staleOwed map[string]item // used by the rounds only

	importing bool // the table is marked as incomplete
	resumed   bool // an earlier import was interrupted
}

// Open checks the table, or creates it if the Config asks for that. It refuses a table of another program or of a newer
// version.
func Open(ctx context.Context, c Config) (*Store, error) {
	if c.Limits == (store.RecordLimits{}) {
		c.Limits = recordLimits()
	}
	s := newStore(c)
	client := newClient(c)
	var err error
	s.client, err = newFrequentCalls(newCalls(client), client.Options().HTTPClient, c)
	switch {
	case err != nil:
	case c.Sealer == nil:
		err = errors.New("a sealer for the task tokens is missing")
	default:
		err = s.openTable(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("open store, table %q: %w", c.Table, err)
	}
	return s, nil
}

// newClient returns the SDK's client. It makes a single attempt of each call.
func newClient(c Config) *dynamodb.Client {
	return dynamodb.NewFromConfig(c.AWS, func(o *dynamodb.Options) {
		o.Retryer = aws.NopRetryer{}
		// DynamoDB answers with the endpoint of the region, which the SDK knows without a call. Such calls would be made
		// beside the first call of an operation, from which awsjson learns the request.
		o.EndpointDiscovery.EnableEndpointDiscovery = aws.EndpointDiscoveryDisabled
		if c.ObserveCall != nil {
			o.APIOptions = append(o.APIOptions, observeCalls(c.ObserveCall))
		}
	})
}

func newStore(c Config) *Store {
	s := &Store{
		config: c,
		locks:  orderLocks{locks: map[string]*orderLock{}},
		recent: newRecentItems(recentBytes),
		timers: newTimers(),
		load:   indexLoad{warm: warmUnits},
	}
	s.tally = newTally(s)
	s.members = &members{store: s, shards: shardCount{read: firstShards, before: firstShards}}
	return s
}

// closeTimeout bounds the last writes of a process. The others notice its end without them.
const closeTimeout = 3 * time.Second

// Close stores the totals of this process, and leaves its shards to the other workers. Every update is stored already. If
// the table is out of reach, the others notice the end of this process by themselves, and a recount finds its totals.
func (s *Store) Close() error {
	s.upkeep.group.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = s.leave(ctx)
	return nil
}

// Probe implements store.Prober. It writes an item that belongs to no order.
func (s *Store) Probe(ctx context.Context) error {
	err := s.withRetries(ctx, func(ctx context.Context) error {
		_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName:                 &s.config.Table,
			Key:                       itemKey("meta", "probe"),
			UpdateExpression:          aws.String("SET probed_at = :now"),
			ExpressionAttributeValues: item{":now": numberAttr(time.Now().UnixNano())},
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	return nil
}

// item is an item of the table, or some of its attributes.
type item = map[string]types.AttributeValue

// observeCommit calls the observer after a write. A write whose caller has left is no failure of the store.
func (s *Store) observeCommit(since time.Time, err error) {
	if s.config.Observe != nil && !errors.Is(err, context.Canceled) {
		s.config.Observe(Commit{Took: time.Since(since), Err: err})
	}
}
