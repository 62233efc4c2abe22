package dynamodb

import (
	"encoding/binary"
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
//	order#ID                  order           an order: its record, and the keys of the indexes
//	owed#SHARD                SINCE#HASH      the oldest owed answer of an order in a workflow
//	tallies                   ID, #base       the totals of a process, and of all ended ones together
//	workers                   ID, #shards     a worker, and the number of shards
//	letters                   NUMBER          a dead letter
//	letter#NUMBER             PART            a part of the content of a dead letter
//	meta                      schema, probe, letters, keys, controls, heartbeats
//
// Tables of version 1 also have items of pending approvals (pending#SHARD#WORKFLOW) and counts (count#SHARD), see legacy.go.

// shardOf returns the shard of an order.
func shardOf(orderID string, of int) string {
	h := fnv.New32a()
	_, _ = io.WriteString(h, orderID)
	return strconv.Itoa(int(h.Sum32() % uint32(of)))
}

func itemKey(pk, sk string) item { return item{"pk": stringAttr(pk), "sk": stringAttr(sk)} }

const orderPrefix = "order#"

func orderKey(orderID string) item { return itemKey(orderPrefix+orderID, "order") }

// orderIDOf returns the order ID in the key of an item or of an index row.
func orderIDOf(i item) string { return strings.TrimPrefix(getString(i, "pk"), orderPrefix) }

func stringAttr(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func bytesAttr(b []byte) types.AttributeValue  { return &types.AttributeValueMemberB{Value: b} }
func numberAttr(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func getString(i item, name string) string {
	if v, ok := i[name].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}

func getBytes(i item, name string) []byte {
	if v, ok := i[name].(*types.AttributeValueMemberB); ok {
		return v.Value
	}
	return nil
}

func getNumber(i item, name string) int64 {
	if v, ok := i[name].(*types.AttributeValueMemberN); ok {
		n, _ := strconv.ParseInt(v.Value, 10, 64) // this program wrote it
		return n
	}
	return 0
}

// minTime and maxTime are the limits of a stored time: the years 1677 and 2262.
var minTime, maxTime = time.Unix(0, math.MinInt64), time.Unix(0, math.MaxInt64)

// toNanos returns the stored form of a time: Unix nanoseconds. A time beyond the limits becomes the nearest limit.
func toNanos(t time.Time) int64 {
	switch {
	case t.Before(minTime):
		return math.MinInt64
	case t.After(maxTime):
		return math.MaxInt64
	}
	return t.UnixNano()
}

func fromNanos(n int64) time.Time { return time.Unix(0, n).UTC() }

// maxSortKey is the largest size of a sort key, in bytes.
const maxSortKey = 1024

// encodeAge returns a sort key for the index by age: the time, then the beginning of the order ID. Keys sort as the
// cursors do.
func encodeAge(a store.AgeCursor) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(toNanos(a.Since))^1<<63)
	return append(b, a.OrderID[:min(len(a.OrderID), maxSortKey-len(b))]...)
}

func ageCursorOf(row item) store.AgeCursor {
	b := getBytes(row, "waits_since")
	if len(b) < 8 {
		return store.AgeCursor{}
	}
	return store.AgeCursor{Since: fromNanos(int64(binary.BigEndian.Uint64(b) ^ 1<<63)), OrderID: orderIDOf(row)}
}
