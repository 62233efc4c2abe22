package dynamodb

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// fakeTable is a table in memory with the limits of DynamoDB, for virtual time. A partition takes 1,000 write and 3,000
// read units a second on the average of five seconds; DynamoDB gives credit for five minutes. A partition that throttles is
// split after a while, if its keys can be: the rows of an index whose newest rows are always next to each other cannot. A
// write to a throttled index is throttled, as in DynamoDB.
type fakeTable struct {
	API
	latency time.Duration
	limits  fakeLimits
	// warmParts is the number of partitions that the table begins with, as its warm throughput asks for.
	warmParts int

	mu         sync.Mutex
	items      map[string]map[string]item // by partition key and sort key
	indexes    map[string]map[string][]item
	partitions map[string]*fakePartition
	used       fakeUse
	window     int64
	inWindow   float64 // units written in this window, for the quota
}

// fakeLimits are the limits in units a second.
type fakeLimits struct{ write, read, quota float64 }

// fakeUse is what the calls have used.
type fakeUse struct {
	calls, conflicts, throttled int
	read, write                 float64
}

// fakePartition is a partition, or several that one was split into.
type fakePartition struct {
	parts       int
	window      int64
	write, read map[int]float64 // in this window, by part
	hotSince    time.Time
}

// windowSeconds is the time over which the use is averaged.
const windowSeconds = 5

// splitAfter is the time for which a partition must be throttled before it is split.
const splitAfter = 5 * time.Second

func newFakeTable(limits fakeLimits) *fakeTable {
	return &fakeTable{
		latency:    5 * time.Millisecond,
		limits:     limits,
		items:      map[string]map[string]item{},
		indexes:    map[string]map[string][]item{},
		partitions: map[string]*fakePartition{},
	}
}

var errThrottled = &types.ProvisionedThroughputExceededException{Message: aws.String("throttled")}

// wait is the time of a call.
func (f *fakeTable) wait() {
	time.Sleep(f.latency/2 + rand.N(f.latency))
	f.mu.Lock()
	f.used.calls++
}

// demand is a use of a partition.
type demand struct {
	partition   string
	key         string // within the partition
	canSplit    bool
	write, read float64
}

// take reports whether all partitions have the capacity for a call, and takes it.
func (f *fakeTable) take(demands []demand) bool {
	now := time.Now()
	write := 0.0
	for _, d := range demands {
		write += d.write
	}
	if window := now.Unix() / windowSeconds; f.window != window {
		f.window, f.inWindow = window, 0
	}
	isFree := f.inWindow+write <= f.limits.quota*windowSeconds
	for _, d := range demands {
		isFree = f.hasCapacity(d, now) && isFree
	}
	if !isFree {
		f.used.throttled++
		return false
	}
	f.inWindow += write
	for _, d := range demands {
		p := f.partitions[d.partition]
		p.write[partOf(d, p)] += d.write
		p.read[partOf(d, p)] += d.read
		f.used.write += d.write
		f.used.read += d.read
	}
	return true
}

func partOf(d demand, p *fakePartition) int {
	h := fnv.New32a()
	_, _ = io.WriteString(h, d.key)
	return int(h.Sum32()>>4) % p.parts
}

func (f *fakeTable) hasCapacity(d demand, now time.Time) bool {
	p := f.partitions[d.partition]
	if p == nil {
		p = &fakePartition{parts: 1}
		if d.canSplit {
			p.parts = max(1, f.warmParts)
		}
		f.partitions[d.partition] = p
	}
	if window := now.Unix() / windowSeconds; p.window != window {
		p.window, p.write, p.read = window, map[int]float64{}, map[int]float64{}
	}
	part := partOf(d, p)
	if p.write[part]+d.write <= f.limits.write*windowSeconds && p.read[part]+d.read <= f.limits.read*windowSeconds {
		return true
	}
	switch {
	case !d.canSplit:
	case p.hotSince.IsZero() || now.Sub(p.hotSince) > 2*splitAfter:
		p.hotSince = now
	case now.Sub(p.hotSince) > splitAfter:
		p.parts, p.hotSince = 2*p.parts, time.Time{}
	}
	return false
}

// unitsOf returns the write units of an item.
func unitsOf(i item) float64 {
	size := 0
	for name, v := range i {
		size += len(name)
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			size += len(v.Value)
		case *types.AttributeValueMemberB:
			size += len(v.Value)
		case *types.AttributeValueMemberM:
			size += 20 * len(v.Value)
		default:
			size += 12
		}
	}
	return float64(1 + (size-1)/1024)
}

// writeDemands returns the use of a write that replaces an item.
func writeDemands(key string, before, after item) []demand {
	out := []demand{{partition: "table", key: key, canSplit: true, write: max(unitsOf(before), unitsOf(after), 1)}}
	for _, x := range tableIndexes() {
		for _, row := range changedRows(x, before, after) {
			out = append(out, demand{
				partition: x.name + "#" + getString(row, x.partition),
				key:       key,
				canSplit:  x.sort == "order_id",
				write:     1,
			})
		}
	}
	return out
}

// changedRows returns the rows of an index that a write deletes and puts.
func changedRows(x tableIndex, before, after item) (rows []item) {
	if reflect.DeepEqual(before[x.partition], after[x.partition]) && reflect.DeepEqual(before[x.sort], after[x.sort]) {
		return nil
	}
	for _, i := range []item{before, after} {
		if i[x.partition] != nil {
			rows = append(rows, i)
		}
	}
	return rows
}

func (f *fakeTable) find(key item) item { return f.items[getString(key, "pk")][getString(key, "sk")] }

// replace stores an item, or deletes it if after is nil.
func (f *fakeTable) replace(key, before, after item) {
	pk, sk := getString(key, "pk"), getString(key, "sk")
	if after == nil {
		delete(f.items[pk], sk)
	} else {
		if f.items[pk] == nil {
			f.items[pk] = map[string]item{}
		}
		f.items[pk][sk] = after
	}
	for _, x := range tableIndexes() {
		if len(changedRows(x, before, after)) == 0 {
			continue
		}
		if before[x.partition] != nil {
			rows := f.index(x, before)
			at, _ := slices.BinarySearchFunc(rows, before, compareRows(x))
			f.indexes[x.name][getString(before, x.partition)] = slices.Delete(rows, at, at+1)
		}
		if after[x.partition] != nil {
			rows := f.index(x, after)
			at, _ := slices.BinarySearchFunc(rows, after, compareRows(x))
			f.indexes[x.name][getString(after, x.partition)] = slices.Insert(rows, at, after)
		}
	}
}

func (f *fakeTable) index(x tableIndex, i item) []item {
	if f.indexes[x.name] == nil {
		f.indexes[x.name] = map[string][]item{}
	}
	return f.indexes[x.name][getString(i, x.partition)]
}

func compareRows(x tableIndex) func(a, b item) int {
	return func(a, b item) int {
		order := bytes.Compare(getBytes(a, x.sort), getBytes(b, x.sort))
		if x.kind == types.ScalarAttributeTypeN {
			order = int(max(-1, min(1, getNumber(a, x.sort)-getNumber(b, x.sort))))
		}
		if order == 0 {
			return strings.Compare(getString(a, "pk"), getString(b, "pk"))
		}
		return order
	}
}

// holds evaluates the conditions that the store uses.
func holds(condition *string, values, i item) bool {
	if condition == nil {
		return true
	}
	for any := range strings.SplitSeq(*condition, " OR ") {
		all := true
		for one := range strings.SplitSeq(any, " AND ") {
			name, value, isEqual := strings.Cut(one, " = ")
			less, than, isLess := strings.Cut(one, " < ")
			switch {
			case one == "attribute_not_exists(pk)":
				all = all && i == nil
			case one == "attribute_exists(pk)":
				all = all && i != nil
			case isEqual:
				all = all && i != nil && reflect.DeepEqual(i[name], values[value])
			case isLess:
				all = all && i != nil && getNumber(i, less) < getNumber(values, than)
			default:
				panic("condition " + one)
			}
		}
		if all {
			return true
		}
	}
	return false
}

// write makes a conditional write.
func (f *fakeTable) write(key, after item, condition *string, values item) error {
	f.wait()
	defer f.mu.Unlock()
	before := f.find(key)
	demands := writeDemands(keyText(key), before, after)
	isConflict := !holds(condition, values, before)
	if isConflict {
		demands = demands[:1] // the indexes stay
	}
	switch {
	case !f.take(demands):
		return errThrottled
	case isConflict:
		f.used.conflicts++
		return &types.ConditionalCheckFailedException{Item: before}
	}
	f.replace(key, before, after)
	return nil
}

func (f *fakeTable) PutItem(
	_ context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options),
) (*dynamodb.PutItemOutput, error) {
	key := itemKey(getString(in.Item, "pk"), getString(in.Item, "sk"))
	return &dynamodb.PutItemOutput{}, f.write(key, in.Item, in.ConditionExpression, in.ExpressionAttributeValues)
}

func (f *fakeTable) DeleteItem(
	_ context.Context, in *dynamodb.DeleteItemInput, _ ...func(*dynamodb.Options),
) (*dynamodb.DeleteItemOutput, error) {
	return &dynamodb.DeleteItemOutput{}, f.write(in.Key, nil, in.ConditionExpression, in.ExpressionAttributeValues)
}

func (f *fakeTable) GetItem(
	_ context.Context, in *dynamodb.GetItemInput, _ ...func(*dynamodb.Options),
) (*dynamodb.GetItemOutput, error) {
	f.wait()
	defer f.mu.Unlock()
	if !f.take([]demand{{partition: "table", key: keyText(in.Key), canSplit: true, read: readUnits(1, aws.ToBool(in.ConsistentRead))}}) {
		return nil, errThrottled
	}
	return &dynamodb.GetItemOutput{Item: f.find(in.Key)}, nil
}

// readUnits returns the units of a read of about so many rows of an index, or of an item.
func readUnits(rows int, isStrong bool) float64 {
	units := float64(1 + rows*150/4096)
	if !isStrong {
		units /= 2
	}
	return units
}

func (f *fakeTable) Query(
	_ context.Context, in *dynamodb.QueryInput, _ ...func(*dynamodb.Options),
) (*dynamodb.QueryOutput, error) {
	f.wait()
	defer f.mu.Unlock()
	out := &dynamodb.QueryOutput{}
	partition := "table"
	if in.IndexName == nil {
		pk := getString(in.ExpressionAttributeValues, ":pk")
		for _, i := range f.items[pk] {
			out.Items = append(out.Items, i)
		}
	} else {
		x := tableIndexes()[slices.IndexFunc(tableIndexes(), func(x tableIndex) bool { return x.name == *in.IndexName })]
		shard := getString(in.ExpressionAttributeValues, ":shard")
		partition = x.name + "#" + shard
		rows := f.indexes[x.name][shard]
		if len(in.ExclusiveStartKey) > 0 {
			at, isThere := slices.BinarySearchFunc(rows, in.ExclusiveStartKey, compareRows(x))
			if isThere {
				at++
			}
			rows = rows[at:]
		}
		until, isBounded := in.ExpressionAttributeValues[":until"]
		for _, row := range rows {
			if isBounded && getNumber(row, x.sort) > getNumber(item{"until": until}, "until") {
				break
			}
			if len(out.Items) == int(*in.Limit) {
				out.LastEvaluatedKey = out.Items[len(out.Items)-1]
				break
			}
			out.Items = append(out.Items, row)
		}
	}
	units := readUnits(len(out.Items), aws.ToBool(in.ConsistentRead))
	if !f.take([]demand{{partition: partition, key: fmt.Sprint(rand.Int()), canSplit: in.IndexName == nil, read: units}}) {
		return nil, errThrottled
	}
	return out, nil
}

func (f *fakeTable) BatchGetItem(
	_ context.Context, in *dynamodb.BatchGetItemInput, _ ...func(*dynamodb.Options),
) (*dynamodb.BatchGetItemOutput, error) {
	f.wait()
	defer f.mu.Unlock()
	out := &dynamodb.BatchGetItemOutput{Responses: map[string][]map[string]types.AttributeValue{}}
	for table, keys := range in.RequestItems {
		for _, key := range keys.Keys {
			if i := f.find(key); i != nil {
				out.Responses[table] = append(out.Responses[table], i)
			}
		}
	}
	return out, nil
}
