package upkeep

import (
	"context"
	"fmt"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// Stats describes a store.
type Stats struct {
	SchemaVersion int `json:"schemaVersion"`
	Orders        int `json:"orders"`
	// Approvals counts the approvals of each workflow by status.
	Approvals map[string]map[approval.Status]int `json:"approvals"`
	// Attention counts the approvals that need attention, by state.
	Attention   map[store.State]int `json:"attention"`
	DeadLetters int                 `json:"deadLetters"`
	// Bytes is the size of all records, and Largest that of the largest one. Both are sizes before compression.
	Bytes        int64  `json:"bytes"`
	Largest      int    `json:"largestBytes"`
	LargestOrder string `json:"largestOrder,omitempty"`
	// OldestPending is when the oldest pending approval was requested, Newest the time of the newest event.
	OldestPending time.Time `json:"oldestPending,omitzero"`
	Newest        time.Time `json:"newestEvent,omitzero"`
	KeyIDs        []string  `json:"keyIds"`
	// Records counts the records by their versions, such as "v5 w6".
	Records    map[string]int `json:"records"`
	Unreadable int            `json:"unreadable"`
}

// ReadStats reads every record.
func ReadStats(ctx context.Context, s Store, sealer store.Sealer, progress Progress) (Stats, error) {
	out := Stats{
		SchemaVersion: s.SchemaVersion(),
		Approvals:     map[string]map[approval.Status]int{},
		Attention:     map[store.State]int{},
		Records:       map[string]int{},
	}
	err := s.EachRecord(ctx, func(r store.RawRecord) error {
		if out.addRecord(r, sealer); out.Orders%progressEvery == 0 {
			progress("read", out.Orders)
		}
		return ctx.Err()
	})
	if err != nil {
		return out, err
	}
	if out.KeyIDs, err = s.KeyIDs(ctx); err != nil {
		return out, err
	}
	err = eachLetter(ctx, s, func(string) error {
		out.DeadLetters++
		return nil
	})
	return out, err
}

func (s *Stats) addRecord(r store.RawRecord, sealer store.Sealer) {
	s.Orders++
	s.Bytes += int64(len(r.Record))
	if len(r.Record) > s.Largest {
		s.Largest = len(r.Record)
		s.LargestOrder = r.OrderID
	}
	v := store.VersionsOf(r.Record)
	s.Records[fmt.Sprintf("v%d w%d", v.Reader, v.Writer)]++
	o, err := store.Decode(r.OrderID, r.Record, sealer)
	if err != nil {
		s.Unreadable++
		return
	}
	for _, a := range o.Approvals {
		if s.Approvals[a.Workflow] == nil {
			s.Approvals[a.Workflow] = map[approval.Status]int{}
		}
		s.Approvals[a.Workflow][a.Status]++
		for _, state := range []store.State{
			store.StateRetrying, store.StateUndeliverable, store.StateExhausted, store.StateUnanswered,
		} {
			if state.Matches(a) {
				s.Attention[state]++
			}
		}
	}
	if oldest := store.OldestPending(o.PendingApprovals()); !oldest.IsZero() &&
		(s.OldestPending.IsZero() || oldest.Before(s.OldestPending)) {
		s.OldestPending = oldest
	}
	for _, e := range o.History {
		if e.At.After(s.Newest) {
			s.Newest = e.At
		}
	}
}
