// Package upkeep checks, describes and moves a whole store that no worker uses, for the command line.
package upkeep

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"

	"github.com/approval-relay/approval-relay/store"
)

// Store is a store that survives its process.
type Store interface {
	store.Store
	store.DeadLetters
	store.ControlKeeper
	store.KeyRegister
	store.RecordKeeper
	io.Closer
}

// Progress is told how many orders a step has handled.
type Progress func(step string, orders int)

// progressEvery is the number of orders between two calls of a Progress.
const progressEvery = 1000

// digest is a digest of a set of records: the sum of their hashes. It does not depend on their order, because each store
// has another.
type digest [sha256.Size]byte

func (d *digest) add(r store.RawRecord) {
	b := binary.BigEndian.AppendUint64(nil, uint64(len(r.OrderID)))
	b = append(append(b, r.OrderID...), r.Record...)
	sum := sha256.Sum256(b)
	carry := 0
	for i := len(d) - 1; i >= 0; i-- {
		carry += int(d[i]) + int(sum[i])
		d[i] = byte(carry)
		carry >>= 8
	}
}

func (d *digest) String() string { return hex.EncodeToString(d[:]) }

// letterPage is the number of dead letters that are listed at a time.
const letterPage = 100

// eachLetter calls f with the ID of every dead letter, the oldest first.
func eachLetter(ctx context.Context, s Store, f func(id string) error) error {
	for after := ""; ; {
		page, err := s.ListDeadLetters(ctx, after, letterPage)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, d := range page {
			if err := f(d.ID); err != nil {
				return err
			}
		}
		after = page[len(page)-1].ID
	}
}

// hashLetter returns the hash of a dead letter without its ID, which each store assigns itself.
func hashLetter(d store.DeadLetter) ([]byte, error) {
	d.ID = ""
	d.At = d.At.UTC()
	if len(d.Metadata) == 0 {
		d.Metadata = nil
	}
	if len(d.Body) == 0 {
		d.Body = nil
	}
	text, err := json.Marshal(d)
	sum := sha256.Sum256(text)
	return sum[:], err
}

// Check compares everything that the store keeps beside its records with the records, and opens every record and every
// dead letter. It calls report with each fault.
func Check(ctx context.Context, s Store, fix bool, report func(store.Fault)) error {
	if err := s.CheckRecords(ctx, fix, report); err != nil {
		return err
	}
	return eachLetter(ctx, s, func(id string) error {
		if _, err := s.GetDeadLetter(ctx, id); err != nil {
			report(store.Fault{Text: err.Error(), Lost: true})
		}
		return ctx.Err()
	})
}
