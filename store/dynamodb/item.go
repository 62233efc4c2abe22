package dynamodb

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/approval-relay/approval-relay/store"
)

// Every item has a partition key pk and a sort key sk:
//
//	pk                        sk
//	order#ID                  order           an order: its record, and what the indexes need
//	pending#SHARD#WORKFLOW    SINCE#HASH      the oldest approval of a workflow that an order waits for
//	count#SHARD               count           a share of the counts
//	letters                   NUMBER          a dead letter
//	letter#NUMBER             PART            what of it did not fit
//	meta                      schema, probe, letters
const (
	// shards is in how many partitions each index is: one takes 1,000 small writes a second.
	shards = 8
	// pendingShards is the same for the pending of one workflow.
	pendingShards = 4
	// countShards is over how many items the counts are spread. Which one is added to is
	// drawn: their sum is what counts.
	countShards = 16
)

// shard picks the shard of an order.
func shard(orderID string, of uint32) string {
	h := fnv.New32a()
	_, _ = io.WriteString(h, orderID)
	return strconv.Itoa(int(h.Sum32() % of))
}

func key(pk, sk string) item { return item{"pk": text(pk), "sk": text(sk)} }

const orderPrefix = "order#"

func orderKey(orderID string) item { return key(orderPrefix+orderID, "order") }

// orderOf returns the ID of the order that an item or a row of an index is of.
func orderOf(i item) string { return strings.TrimPrefix(str(i, "pk"), orderPrefix) }

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func blob(b []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: b} }
func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func str(i item, name string) string {
	if v, ok := i[name].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}

func bin(i item, name string) []byte {
	if v, ok := i[name].(*types.AttributeValueMemberB); ok {
		return v.Value
	}
	return nil
}

func integer(i item, name string) int64 {
	if v, ok := i[name].(*types.AttributeValueMemberN); ok {
		n, _ := strconv.ParseInt(v.Value, 10, 64) // we wrote it
		return n
	}
	return 0
}

// first and last are the times that fit: from 1677 to 2262.
var first, last = time.Unix(0, math.MinInt64), time.Unix(0, math.MaxInt64)

// nanos is a time as it is stored: Unix nanoseconds, and of a time that has none
// the nearest.
func nanos(t time.Time) int64 {
	switch {
	case t.Before(first):
		return math.MinInt64
	case t.After(last):
		return math.MaxInt64
	}
	return t.UnixNano()
}

func unix(n int64) time.Time { return time.Unix(0, n).UTC() }

// maxKey is the most that a sort key takes, in bytes.
const maxKey = 1024

// ageKey sorts as ages do: the time, then as much of the ID as fits.
func ageKey(a store.AgeCursor) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(nanos(a.Since))^1<<63)
	return append(b, a.OrderID[:min(len(a.OrderID), maxKey-len(b))]...)
}

func ageOf(row item) store.AgeCursor {
	b := bin(row, "waits_since")
	if len(b) < 8 {
		return store.AgeCursor{}
	}
	return store.AgeCursor{Since: unix(int64(binary.BigEndian.Uint64(b) ^ 1<<63)), OrderID: orderOf(row)}
}

// A record is stored compressed, which is paid for by the kilobyte. Its first byte
// says how.
const deflated = 1

func pack(b []byte) ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte(deflated)
	w, err := flate.NewWriter(&out, flate.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}

// maxUnpacked bounds what a stored record can make of our memory.
const maxUnpacked = 64 << 20

func unpack(b []byte) ([]byte, error) {
	if len(b) == 0 || b[0] != deflated {
		return nil, errors.New("it is not compressed as this program does")
	}
	out, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(b[1:])), maxUnpacked+1))
	if err == nil && len(out) > maxUnpacked {
		err = fmt.Errorf("it has more than %d MiB", maxUnpacked>>20)
	}
	return out, err
}
