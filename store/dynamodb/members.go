package dynamodb

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"hash/fnv"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// The workers of a table divide its shards. Each worker writes an item of its own in every beat, and reads the items of the
// others. Another worker counts as alive after its item was seen to change, and as dead if the item has not changed for
// deadAfter. The clock of the reader decides, so the clocks of the workers need not agree.
//
// The item that a killed worker has left never changes. So it owns no shard, however often workers are killed and started.
// On the other hand, a shard has two owners until all workers have seen the item of a new worker change. Two owners cost
// calls, but a shard without an owner would delay its orders.
//
// The owner of a shard is the living worker with the highest hash of worker ID and shard. So when a worker starts or ends,
// only its own share moves.

const (
	membersPartition = "workers"
	shardsKey        = "#shards"
	// beatInterval is the time between two beats of a worker.
	beatInterval = 10 * time.Second
	// deadAfter is the time without a beat after which a worker counts as dead. The others look once in a beatInterval, so they
	// notice its death 10 to 31 seconds later. A worker that is only slow gets its shards back with its next beat.
	deadAfter = 2 * beatInterval
	// adoptAfter is the time after which a worker writes to shards that were added: until then, every living worker has seen
	// them.
	adoptAfter = 3 * beatInterval
	// removeAfter is the time after which the items of a dead worker are removed.
	removeAfter = 10 * time.Minute
)

// newProcessID returns an ID of this process alone.
func newProcessID() string { return rand.Text() }

// members are the workers of the table as this worker sees them.
type members struct {
	store *Store

	mu       sync.Mutex
	id       string // "" before the first Claim
	beats    int64
	beatAt   time.Time
	others   map[string]*member
	alive    []string // sorted, with this worker
	doubtful int      // workers with a single beat so far, less than deadAfter ago
	shards   shardCount
	readAt   time.Time // when the number of shards was read
	changes  uint64    // of the ownership
	hasMoved bool      // the ownership has changed since the last scan
	divided  int       // the number of shards at the last change of the ownership

	beating sync.Mutex // held during a beat
}

// member is another worker.
type member struct {
	beats      int64
	changedAt  time.Time // when this process has seen the last change, or the worker for the first time
	hasChanged bool      // its beats were seen to change: it was alive then
}

// shardCount is the number of shards. Readers read all, as soon as they know them. Writers use the number of before
// until all workers know the new number.
type shardCount struct {
	read, before int
	seenAt       time.Time
}

// write returns the number of shards that a write uses.
func (c shardCount) write(now time.Time) int {
	if now.Sub(c.seenAt) < adoptAfter {
		return c.before
	}
	return c.read
}

// see takes over the stored number of shards.
func (c *shardCount) see(i item, now time.Time) {
	n, before := int(getNumber(i, "shards")), int(getNumber(i, "before"))
	if n <= c.read {
		return
	}
	c.before = max(c.write(now), min(before, n))
	c.read = n
	c.seenAt = now
}

// Owns implements store.Owner.
func (s *Store) Owns(orderID string) bool {
	m := s.members
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.owns(shardOf(orderID, m.shards.read))
}

// OwnershipChanges implements store.Owner.
func (s *Store) OwnershipChanges() uint64 {
	s.members.mu.Lock()
	defer s.members.mu.Unlock()
	return s.members.changes
}

// owns reports whether this worker owns a shard. The caller holds the lock.
func (m *members) owns(shard string) bool { return m.id != "" && ownerOf(shard, m.alive) == m.id }

// ownerOf returns the worker that owns a shard.
func ownerOf(shard string, alive []string) string {
	return slices.MaxFunc(alive, func(a, b string) int {
		return cmp.Or(cmp.Compare(ownerHash(shard, a), ownerHash(shard, b)), cmp.Compare(a, b))
	})
}

func ownerHash(shard, worker string) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, shard+"\x00"+worker)
	n := h.Sum64() // its upper bits depend little on the end of the text
	n ^= n >> 33
	n *= 0xff51afd7ed558ccd
	return n ^ n>>33
}

// ownedShards returns the shards of this worker.
func (m *members) ownedShards() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var owned []string
	for i := range m.shards.read {
		if shard := strconv.Itoa(i); m.owns(shard) {
			owned = append(owned, shard)
		}
	}
	return owned
}

// isAlone reports whether all other workers are dead without doubt.
func (m *members) isAlone() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.alive) < 2 && m.doubtful == 0
}

// takeMoved reports whether ownership has changed since the last call.
func (m *members) takeMoved() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	moved := m.hasMoved
	m.hasMoved = false
	return moved
}

// readShards returns the number of shards for a read. The caller need not be a worker.
func (s *Store) readShards(ctx context.Context) (int, error) {
	m := s.members
	m.mu.Lock()
	n, isFresh := m.shards.read, time.Since(m.readAt) < 2*beatInterval
	m.mu.Unlock()
	if isFresh {
		return n, nil
	}
	stored, err := s.readItem(ctx, itemKey(membersPartition, shardsKey), false)
	if err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.readAt = time.Now()
	m.shards.see(stored, m.readAt)
	return m.shards.read, nil
}

// writeShards returns the number of shards for a write.
func (s *Store) writeShards() int {
	s.members.mu.Lock()
	defer s.members.mu.Unlock()
	return s.members.shards.write(time.Now())
}

// beatIfDue writes the item of this worker, and looks at the others, if the last beat is long ago. The first call makes
// this process a worker of the table.
func (s *Store) beatIfDue(ctx context.Context) error {
	m := s.members
	m.beating.Lock()
	defer m.beating.Unlock()
	m.mu.Lock()
	if m.id != "" && time.Since(m.beatAt) < beatInterval {
		m.mu.Unlock()
		return nil
	}
	if m.id == "" {
		m.id = newProcessID()
	}
	m.beats++
	id, beats := m.id, m.beats
	m.mu.Unlock()

	if err := s.tally.flush(ctx); err != nil {
		return err
	}
	beat := itemKey(membersPartition, id)
	beat["beats"] = numberAttr(beats)
	err := s.withRetries(ctx, func(ctx context.Context) error {
		_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.config.Table, Item: beat})
		return err
	})
	if err != nil {
		return err
	}
	rows, err := s.readPartition(ctx, membersPartition, false)
	if err != nil {
		return err
	}
	dead := m.look(rows, time.Now())
	if err := s.growShards(ctx); err != nil {
		return err
	}
	return s.removeMembers(ctx, dead)
}

// look takes over the items of all workers. It returns the workers that have been dead for so long that their items can
// be removed.
func (m *members) look(rows []item, now time.Time) (dead []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.beatAt, m.readAt = now, now
	alive := []string{m.id}
	before := m.others
	m.others, m.doubtful = map[string]*member{}, 0
	for _, i := range rows {
		id := getString(i, "sk")
		if id == shardsKey {
			m.shards.see(i, now)
		}
		if id == shardsKey || id == m.id {
			continue
		}
		other := before[id]
		if beats := getNumber(i, "beats"); other == nil || other.beats != beats {
			other = &member{beats: beats, changedAt: now, hasChanged: other != nil}
		}
		m.others[id] = other
		switch silence := now.Sub(other.changedAt); {
		case silence < deadAfter && other.hasChanged:
			alive = append(alive, id)
		case silence < deadAfter:
			m.doubtful++
		case silence >= removeAfter:
			dead = append(dead, id)
		}
	}
	slices.Sort(alive)
	if !slices.Equal(alive, m.alive) || m.divided != m.shards.read {
		m.alive, m.divided = alive, m.shards.read
		m.changes++
		m.hasMoved = true
	}
	return dead
}

// removeMembers removes the items of workers.
func (s *Store) removeMembers(ctx context.Context, ids []string) error {
	for _, id := range ids {
		if err := s.deleteItem(ctx, itemKey(membersPartition, id)); err != nil {
			return err
		}
	}
	return nil
}

// deleteItem deletes an item, whether it exists or not.
func (s *Store) deleteItem(ctx context.Context, k item) error {
	return s.withRetries(ctx, func(ctx context.Context) error {
		_, err := s.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.config.Table, Key: k})
		return err
	})
}

// leave stores the totals of this process, and ends its beats, so that the others take over its shards in their next beat.
func (s *Store) leave(ctx context.Context) error {
	err := s.tally.flush(ctx)
	s.members.mu.Lock()
	id := s.members.id
	s.members.mu.Unlock()
	if id == "" {
		return err
	}
	return errors.Join(err, s.removeMembers(ctx, []string{id}))
}
