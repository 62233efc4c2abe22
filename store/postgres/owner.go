package postgres

import (
	"context"
	"crypto/rand"
	"hash/fnv"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// A worker says every ten seconds that it runs, and counts as running for thirty. The clock is the database's.
const (
	membershipInterval = 10 * time.Second
	registerWorker     = `WITH gone AS (DELETE FROM relay.workers WHERE seen < now() - interval '1 hour' AND id <> $1)
		INSERT INTO relay.workers (id, seen) VALUES ($1, now()) ON CONFLICT (id) DO UPDATE SET seen = excluded.seen`
	selectWorkers = "SELECT id FROM relay.workers WHERE seen > now() - interval '30 seconds' AND state IS NULL ORDER BY id"
)

// membership is the knowledge of a worker about the others on the database.
type membership struct {
	id      string
	workers atomic.Pointer[[]string]
	changes atomic.Uint64

	mu   sync.Mutex
	next time.Time // of the next look at the others
}

func newMembership() *membership { return &membership{id: rand.Text()} }

// refresh tells the others that this worker runs, and looks for them. It does so every ten seconds.
func (m *membership) refresh(ctx context.Context, s *Store) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if now.Before(m.next) {
		return nil
	}
	if _, err := s.exec(ctx, registerWorker, []byte(m.id)); err != nil {
		return err
	}
	workers, err := queryAll(ctx, s, func(row pgx.CollectableRow) (string, error) {
		var id []byte
		err := row.Scan(&id)
		return string(id), err
	}, selectWorkers)
	if err != nil {
		return err
	}
	m.next = now.Add(membershipInterval)
	if before := m.workers.Swap(&workers); before == nil || !slices.Equal(*before, workers) {
		m.changes.Add(1)
	}
	return nil
}

// leave tells the others that this worker ends. If that fails, they notice it after half a minute.
func (m *membership) leave(s *Store) {
	if m.workers.Load() == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = s.pool.Exec(ctx, s.sql("DELETE FROM relay.workers WHERE id = $1"), []byte(m.id))
}

// Owns implements store.Owner. Of all workers, the owner of an order has the largest hash with it: when a worker starts or
// ends, only its share of the orders moves.
func (s *Store) Owns(orderID string) bool {
	workers := s.members.workers.Load()
	if workers == nil {
		return false
	}
	var owner string
	var largest uint64
	for _, id := range *workers {
		h := fnv.New64a()
		_, _ = h.Write([]byte(id)) // never fails
		_, _ = h.Write([]byte(orderID))
		// The last bytes change only the low bits of the hash. The multiplication spreads them.
		sum := h.Sum64()
		sum = (sum ^ sum>>32) * 0x9e3779b97f4a7c15
		if sum ^= sum >> 29; owner == "" || sum > largest {
			owner, largest = id, sum
		}
	}
	return owner == s.members.id
}

// OwnershipChanges implements store.Owner.
func (s *Store) OwnershipChanges() uint64 { return s.members.changes.Load() }
