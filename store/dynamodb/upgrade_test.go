package dynamodb

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
)

// storedAttribute is an attribute in testdata.
type storedAttribute struct {
	S, N *string
	B    []byte
	SS   []string
	M    map[string]storedAttribute
}

func (a storedAttribute) value() types.AttributeValue {
	switch {
	case a.S != nil:
		return stringAttr(*a.S)
	case a.N != nil:
		return &types.AttributeValueMemberN{Value: *a.N}
	case a.SS != nil:
		return &types.AttributeValueMemberSS{Value: a.SS}
	case a.M != nil:
		m := item{}
		for name, v := range a.M {
			m[name] = v.value()
		}
		return &types.AttributeValueMemberM{Value: m}
	}
	return bytesAttr(a.B)
}

// landed makes a table as version 1 has left it: testdata/version1.json is a scan of a table that the last release with
// version 1 has filled.
func landed(t *testing.T) Config {
	t.Helper()
	text, err := os.ReadFile("testdata/keys.txt")
	require.NoError(t, err)
	ring, err := keys.ParseFile(text)
	require.NoError(t, err)
	c := Config{Settings: Settings{Table: newTable()}, Sealer: ring}
	creating := c
	creating.Create = true
	s := open(t, creating)
	text, err = os.ReadFile("testdata/version1.json")
	require.NoError(t, err)
	var items []map[string]storedAttribute
	require.NoError(t, json.Unmarshal(text, &items))
	for _, i := range items {
		whole := item{}
		for name, v := range i {
			whole[name] = v.value()
		}
		require.NoError(t, s.putItem(t.Context(), whole))
	}
	return c
}

// wantLanded is what the table of testdata has.
func wantLanded() store.Stats {
	return store.Stats{
		Workflows: map[string]store.WorkflowStats{
			"payments": {Pending: 3, Oldest: startTime},
			"refunds":  {Pending: 1, Oldest: startTime},
		},
		Owed:          map[string]store.OwedStats{"payments": {Orders: 1, Oldest: []time.Time{startTime}}},
		Exhausted:     1,
		Retrying:      1,
		Undeliverable: 1,
		Unanswered:    1,
		OldestDue:     startTime.Add(time.Minute),
		DeadLetters:   1,
	}
}

func requireStats(t *testing.T, s *Store, want store.Stats) {
	t.Helper()
	got, err := s.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// A table of version 1 is upgraded by the first worker that opens it. Its orders are read, listed, claimed and changed as
// before, and their counts go on.
func TestUpgradeOfATable(t *testing.T) {
	t.Parallel()
	c := landed(t)
	s := open(t, c)
	requireStats(t, s, wantLanded())
	version, err := s.getItem(t.Context(), itemKey("meta", "schema"))
	require.NoError(t, err)
	require.EqualValues(t, schemaVersion, getNumber(version, "schema_version"))
	noFaults := func(f store.Fault) { require.Fail(t, f.Text, f.Order) }
	require.NoError(t, s.CheckRecords(t.Context(), false, noFaults))

	for state, want := range map[store.State]int{
		store.StateAll: 7, store.StatePending: 3, store.StateRetrying: 1, store.StateExhausted: 1, store.StateUnanswered: 1,
	} {
		orders, _, err := s.List(t.Context(), store.OrderQuery{State: state})
		require.NoError(t, err)
		require.Len(t, orders, want, state)
	}
	orders, _, err := s.List(t.Context(), store.OrderQuery{ByAge: true})
	require.NoError(t, err)
	require.Len(t, orders, 3)
	ids, err := s.Claim(t.Context(), startTime.Add(10*time.Minute), 10, time.Second)
	require.NoError(t, err)
	require.Equal(t, []string{"retrying"}, ids)
	o, err := s.Get(t.Context(), "pending")
	require.NoError(t, err)
	require.Equal(t, tokenOf("pending"), o.Approvals[0].Token.Reveal())

	for _, id := range []string{"pending", "two", "retrying"} {
		mustUpdate(t, s, id, func(o *approval.Order) error { addVote(o); return nil })
	}
	requireStats(t, s, wantLanded())
	for _, id := range []string{"pending", "two", "retrying"} {
		mustUpdate(t, s, id, removeOrder)
	}
	stats, err := s.Stats(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]store.WorkflowStats{"payments": {Pending: 1, Oldest: startTime}}, stats.Workflows)
	require.Zero(t, stats.Retrying)
	require.Empty(t, stats.Owed)
	require.NoError(t, s.CheckRecords(t.Context(), false, noFaults))
	require.NoError(t, s.DeleteDeadLetter(t.Context(), "1"))
	var left []string
	require.NoError(t, s.scan(t.Context(), func(i item) error {
		if !isOrder(i) {
			left = append(left, getString(i, "pk"))
		}
		return nil
	}))
	require.NotContains(t, left, "owed#0")
	require.NotContains(t, left, "letter#1")
}

// A command opens a table of version 1 while its workers go on, and does not raise the version.
func TestTableOfVersion1StaysForItsWorkers(t *testing.T) {
	t.Parallel()
	c := landed(t)
	c.KeepVersion = true
	s := open(t, c)
	version, err := s.getItem(t.Context(), itemKey("meta", "schema"))
	require.NoError(t, err)
	require.EqualValues(t, legacyVersion, getNumber(version, "schema_version"))
	require.NoError(t, s.CheckRecords(t.Context(), false, func(f store.Fault) { require.Fail(t, f.Text, f.Order) }))
	n := 0
	require.NoError(t, s.EachRecord(t.Context(), func(store.RawRecord) error { n++; return nil }))
	require.Equal(t, 7, n)
}

// Workers of version 1 that still run when the table is upgraded go on counting in their items. They lose no update, and
// neither do the others: the next recount adds what they have counted.
func TestWorkerOfVersion1BesideThisOne(t *testing.T) {
	t.Parallel()
	s := open(t, landed(t))
	mustUpdate(t, s, "two", func(o *approval.Order) error { addVote(o); return nil })
	i, err := s.getItem(t.Context(), orderKey("two"))
	require.NoError(t, err)
	// A claim of version 1, which leaves the IDs of the last writes.
	i["next_at"] = numberAttr(toNanos(startTime.Add(time.Hour)))
	i["claimed_at"] = numberAttr(toNanos(startTime))
	i["lease_id"] = bytesAttr(newWriteID())
	require.NoError(t, s.putItem(t.Context(), i))
	mustUpdate(t, s, "two", func(o *approval.Order) error { addVote(o); return nil })
	o, err := s.Get(t.Context(), "two")
	require.NoError(t, err)
	require.Len(t, o.Approvals[0].Votes, 2)

	// A dead letter that a worker of version 1 puts and counts.
	head := itemKey("letters", store.FormatDeadLetterID(9))
	require.NoError(t, s.putItem(t.Context(), head))
	_, err = s.client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName:                 &s.config.Table,
		Key:                       itemKey("count#3", "count"),
		UpdateExpression:          aws.String("ADD letters :one"),
		ExpressionAttributeValues: item{":one": numberAttr(1)},
	})
	require.NoError(t, err)
	require.NoError(t, s.foldLegacyCounts(t.Context()))
	want := wantLanded()
	want.DeadLetters++
	requireStats(t, s, want)
	require.NoError(t, s.foldLegacyCounts(t.Context()), "there is nothing left")
	requireStats(t, s, want)
}

// Two workers upgrade the same table at once. The counts are added once.
func TestUpgradeByTwoWorkers(t *testing.T) {
	t.Parallel()
	c := landed(t)
	opened := make(chan *Store)
	for range 2 {
		go func() {
			s, err := Open(t.Context(), withServer(c))
			if err != nil {
				t.Error(err)
			}
			opened <- s
		}()
	}
	for range 2 {
		s := <-opened
		require.NotNil(t, s)
		requireStats(t, s, wantLanded())
		require.NoError(t, s.Close())
	}
}

func withServer(c Config) Config {
	if server != nil {
		c.AWS = server.Config()
	}
	return c
}
