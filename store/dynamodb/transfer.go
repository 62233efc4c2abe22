package dynamodb

import (
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/approval-relay/approval-relay/store"
)

// errIncomplete is the error of a table that a migration has not completed.
var errIncomplete = errors.New("a migration to it was begun and is not complete: run store migrate again, or delete the table")

// SchemaVersion implements store.RecordKeeper.
func (*Store) SchemaVersion() int { return schemaVersion }

// EachRecord implements store.RecordKeeper. It reads the whole table, because the indexes may lag behind.
func (s *Store) EachRecord(ctx context.Context, f func(store.RawRecord) error) error {
	err := s.scan(ctx, func(i item) error {
		if !isOrder(i) {
			return nil
		}
		record, err := decompress(getBytes(i, "order_record"))
		if err != nil {
			record = nil
		}
		return f(store.RawRecord{OrderID: orderIDOf(i), Record: record})
	})
	if err != nil {
		return fmt.Errorf("read all records: %w", err)
	}
	return nil
}

func isOrder(i item) bool {
	return strings.HasPrefix(getString(i, "pk"), orderPrefix) && getString(i, "sk") == "order"
}

// scan calls f with every item of the table, as it is now.
func (s *Store) scan(ctx context.Context, f func(item) error) error {
	for from := item(nil); ; {
		var page *dynamodb.ScanOutput
		err := s.withRetries(ctx, func(ctx context.Context) (err error) {
			page, err = s.client.Scan(ctx, &dynamodb.ScanInput{
				TableName:         &s.config.Table,
				ConsistentRead:    aws.Bool(true),
				ExclusiveStartKey: from,
			})
			return err
		})
		if err != nil {
			return err
		}
		for _, i := range page.Items {
			if err := f(i); err != nil {
				return err
			}
		}
		if from = page.LastEvaluatedKey; len(from) == 0 {
			return nil
		}
	}
}

// BeginImport implements store.RecordKeeper.
func (s *Store) BeginImport(ctx context.Context) (resumed bool, err error) {
	if s.importing {
		s.resumed = true
		return true, nil
	}
	err = s.scan(ctx, func(i item) error {
		if isOrder(i) || getString(i, "pk") == "letters" {
			return store.ErrNotEmpty
		}
		return nil
	})
	if err == nil {
		err = s.setSchemaVersion(ctx, importVersion)
	}
	if err != nil {
		return false, fmt.Errorf("begin the import into table %q: %w", s.config.Table, err)
	}
	s.importing = true
	return false, nil
}

// EndImport implements store.RecordKeeper. The process of an interrupted import may have ended without storing its totals, or
// within a write whose answer it has not seen. So the totals are then corrected by the records.
func (s *Store) EndImport(ctx context.Context) error {
	err := s.tally.flush(ctx)
	if err == nil && s.resumed {
		err = s.CheckRecords(ctx, true, func(store.Fault) {})
	}
	if err == nil {
		err = s.setSchemaVersion(ctx, schemaVersion)
	}
	if err != nil {
		return fmt.Errorf("end the import into table %q: %w", s.config.Table, err)
	}
	s.importing, s.resumed = false, false
	return nil
}

// MarkMoved implements store.RecordKeeper. The write of the control decides: it fails if somebody lets workers change the
// table again. A worker that starts between the two writes finds the control.
func (s *Store) MarkMoved(ctx context.Context, readOnly, moved store.Control) error {
	err := s.replaceControl(ctx, readOnly, moved)
	if err == nil {
		err = s.setSchemaVersion(ctx, movedVersion)
	}
	if err != nil {
		return fmt.Errorf("mark table %q as moved: %w", s.config.Table, err)
	}
	return nil
}

func (s *Store) setSchemaVersion(ctx context.Context, version int64) error {
	return s.withRetries(ctx, func(ctx context.Context) error {
		_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName:                 &s.config.Table,
			Key:                       itemKey("meta", "schema"),
			UpdateExpression:          aws.String("SET schema_version = :version"),
			ExpressionAttributeValues: item{":version": numberAttr(version)},
		})
		return err
	})
}

// ImportRecord implements store.RecordKeeper. It refuses a record that does not fit into an item.
func (s *Store) ImportRecord(ctx context.Context, r store.RawRecord) error {
	if err := s.importRecord(ctx, r); err != nil {
		return fmt.Errorf("import order %q: %w", r.OrderID, err)
	}
	return nil
}

func (s *Store) importRecord(ctx context.Context, r store.RawRecord) error {
	if err := validateID(r.OrderID); err != nil {
		return err
	}
	o, err := store.Decode(r.OrderID, r.Record, s.config.Sealer)
	if err != nil {
		return err
	}
	record, err := s.compressRecord(r.Record)
	if err != nil {
		return err
	}
	before, err := s.getItem(ctx, orderKey(r.OrderID))
	if err != nil {
		return err
	}
	var pendingBefore map[string]workflowPending
	var states store.StateSet
	if before != nil {
		stored, err := decompress(getBytes(before, "order_record"))
		if err != nil || bytes.Equal(stored, r.Record) {
			return err
		}
		old, err := store.Decode(r.OrderID, stored, s.config.Sealer)
		if err != nil {
			return err
		}
		pendingBefore = pendingByWorkflow(old)
		states = countedStates(before, old)
	}
	c := newChange(o, before, pendingBefore, states)
	c.ended = append(c.ended, legacyPendingKeys(before, r.OrderID, pendingBefore)...)
	c.setItem(o, record, s.writeShards())
	s.recent.forget(r.OrderID)
	return s.writeChange(ctx, c)
}

// compressRecord compresses a record so far that it fits into an item.
func (s *Store) compressRecord(text []byte) ([]byte, error) {
	record, err := compress(text, flate.BestSpeed)
	if err == nil && len(record) > s.config.Limits.Max {
		record, err = compress(text, flate.BestCompression)
	}
	if err == nil && len(record) > s.config.Limits.Max {
		err = fmt.Errorf("its record has %d KB compressed, an item in DynamoDB takes %d: let it end in the old store first",
			len(record)>>10, s.config.Limits.Max>>10)
	}
	return record, err
}
