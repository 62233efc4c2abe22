package store

import (
	"context"
	"errors"

	"github.com/approval-relay/approval-relay/store/record"
)

// RawRecord is the record of an order as it is stored, with the task tokens sealed. It is the same in all stores, so
// that it can be moved between them.
type RawRecord struct {
	OrderID string
	Record  []byte // see Encode; empty if it cannot be read
}

// RecordKeeper is an optional interface of a Store, for the commands that check a whole store or move it while no worker
// uses it.
//
// All stores but memory implement it.
type RecordKeeper interface {
	// EachRecord calls f with the record of every order, in any order. It ends with the first error of f.
	EachRecord(ctx context.Context, f func(RawRecord) error) error
	// CheckRecords compares with each record what the store keeps beside it: the keys of its indexes, and the counts. It
	// calls report with each difference, and with each record that cannot be read. With fix, it makes the difference
	// good; the records themselves stay as they are.
	CheckRecords(ctx context.Context, fix bool, report func(Fault)) error

	// BeginImport marks an empty store as incomplete, so that no worker starts on it until EndImport. It reports whether
	// the store was incomplete already. It returns ErrNotEmpty for a store with orders or dead letters.
	BeginImport(ctx context.Context) (resumed bool, err error)
	// ImportRecord stores a record as it is. To import it again has no effect.
	ImportRecord(ctx context.Context, r RawRecord) error
	// EndImport removes the mark.
	EndImport(ctx context.Context) error

	// MarkMoved marks the store as moved: it replaces the control of all workflows, which makes the store read-only, by one
	// with the mode ControlMoved. From then on the store refuses to be opened by a worker, workers that run on it refuse
	// every change, and its controls stay. It returns ErrNotReadOnly if the control has changed. To mark the
	// store again changes nothing.
	MarkMoved(ctx context.Context, readOnly, moved Control) error

	// SchemaVersion returns the version of the schema that this program makes.
	SchemaVersion() int
}

// ErrNotEmpty is returned for a store that is to be filled, but has orders or dead letters.
var ErrNotEmpty = errors.New("it has orders or dead letters: a migration fills an empty store only")

// Fault is a difference that CheckRecords has found.
type Fault struct {
	Order string `json:"order,omitempty"` // empty if it concerns the whole store
	Text  string `json:"fault"`
	// Lost is true for a record that cannot be read: it cannot be fixed.
	Lost  bool `json:"lost,omitempty"`
	Fixed bool `json:"fixed,omitempty"`
}

// RecordVersions are the versions of a record, see recordVersion. The writer is 0 for programs that did not write it.
type RecordVersions = record.Versions

// VersionsOf returns the versions of a record; both are 0 if it cannot be read.
func VersionsOf(b []byte) RecordVersions {
	if record.Is(b) {
		return record.VersionsOf(b)
	}
	return versionsOfJSON(b)
}
