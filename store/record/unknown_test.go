package record

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
)

// future is the number of the first unknown field in these tests.
const future = 500

// newer is a record that a newer program could have written: every value that has fields has unknown ones, of all kinds. One
// of them refers to the tables.
type newer struct {
	texts, times uint64 // the indexes of a text and of a time that only unknown fields have
	values       int    // how many values have unknown fields
}

// addTo adds the unknown fields to a value that a layout describes, at all depths.
func (n *newer) addTo(l rawLayout, b []byte) []byte {
	var out []byte
	for _, f := range fieldsOf(b) {
		inner, _ := l.find(f.number)
		if inner.layout == nil {
			out = append(out, f.raw...)
			continue
		}
		value := f.bytes
		if inner.mode == nestedList {
			elements := elementsOf(value)
			value = binary.AppendUvarint(nil, uint64(len(elements)))
			for _, element := range elements {
				element = n.addTo(inner.layout, element)
				value = append(binary.AppendUvarint(value, uint64(len(element))), element...)
			}
		} else {
			value = n.addTo(inner.layout, value)
		}
		out = appendTag(out, f.number, wireBytes)
		out = append(binary.AppendUvarint(out, uint64(len(value))), value...)
	}
	n.values++
	out = append(appendTag(out, future, wireTrue), appendTag(nil, future+1, wireNumber)...)
	out = binary.AppendUvarint(out, n.texts)
	out = binary.AppendUvarint(appendTag(out, future+2, wireNumber), n.times)
	text := fmt.Append(nil, "unknown ", n.values)
	out = binary.AppendUvarint(appendTag(out, math.MaxUint32, wireBytes), uint64(len(text)))
	return append(out, text...)
}

// withFuture returns the record of an order with unknown fields, and the number of values that have some.
func withFuture(t *testing.T, o *approval.Order) (b []byte, values int) {
	t.Helper()
	e := newEncoder()
	n := newer{texts: e.textIndex("only of unknown fields"), times: e.timeIndex(time.Unix(1, 2))}
	e.approvals, e.tokens = o.Approvals, tokensOf(o)
	orderLayout.encode(e, o)
	require.NoError(t, e.err)
	body := n.addTo(orderLayout, e.body)
	b = append(b, Mark, 9, 10)
	b = append(binary.AppendUvarint(b, uint64(len(e.texts.bytes))), e.texts.bytes...)
	b = append(binary.AppendUvarint(b, uint64(len(e.times.bytes))), e.times.bytes...)
	return withSum(append(append(b, body...), 0, 0, 0, 0)), n.values
}

// countFuture returns how many values of a record have all unknown fields of withFuture.
func countFuture(t *testing.T, b []byte) int {
	t.Helper()
	p, err := split(b)
	require.NoError(t, err)
	d := newDecoder()
	require.NoError(t, d.readTexts(p.texts))
	require.NoError(t, d.readTimes(p.times))
	var count func(l rawLayout, b []byte) int
	count = func(l rawLayout, b []byte) int {
		values, unknown := 0, 0
		for _, f := range fieldsOf(b) {
			inner, isKnown := l.find(f.number)
			switch {
			case !isKnown:
				unknown++
			case inner.layout == nil:
			case inner.mode == nestedList:
				for _, element := range elementsOf(f.bytes) {
					values += count(inner.layout, element)
				}
			default:
				values += count(inner.layout, f.bytes)
			}
			switch f.number {
			case future + 1:
				text, err := d.text(numberOf(f))
				require.NoError(t, err)
				require.Equal(t, "only of unknown fields", text)
			case future + 2:
				i, err := d.instant(numberOf(f))
				require.NoError(t, err)
				require.Equal(t, time.Unix(1, 2).UTC(), i.time())
			}
		}
		require.Contains(t, []int{0, 4}, unknown, "all of them or none")
		return values + unknown/4
	}
	return count(orderLayout, p.body)
}

// numberOf returns the value of a field with a number.
func numberOf(f rawField) uint64 {
	c := cursor{b: f.raw}
	_, v, _ := c.field()
	return v.number
}

func TestUnknownFieldsAreKeptEverywhere(t *testing.T) {
	t.Parallel()
	o := filled(t, 2)
	b, values := withFuture(t, o)
	require.Greater(t, values, 100)
	c := decode(t, b)
	require.True(t, c.HasUnknown)
	require.Equal(t, o, c.Order)
	again, err := Encode(c, b)
	require.NoError(t, err)
	require.Equal(t, b, again)

	other := encode(t, &approval.Order{ID: "text of the dictionary later"}, nil)
	require.False(t, decode(t, other).HasUnknown)
}

// TestUnknownFieldsThroughChanges changes the known part of a record in all the ways of transitions: elements are added,
// changed and removed, and values become zero. The known part is the changed one, and what is still there has its unknown
// fields.
func TestUnknownFieldsThroughChanges(t *testing.T) {
	t.Parallel()
	_, inApproval := withFuture(t, &approval.Order{Approvals: filled(t, 2).Approvals[:1]})
	inApproval-- // of the order
	for name, c := range map[string]struct {
		change func(*approval.Order)
		lost   int
	}{
		"an approval is added":   {func(o *approval.Order) { o.Approvals = append(o.Approvals, &approval.Approval{ID: "new"}) }, 0},
		"an approval is removed": {func(o *approval.Order) { o.Approvals = o.Approvals[1:] }, inApproval},
		"the order of approvals changes": {
			func(o *approval.Order) { o.Approvals[0], o.Approvals[1] = o.Approvals[1], o.Approvals[0] }, 0,
		},
		"a status changes": {func(o *approval.Order) { o.Approvals[1].Status = approval.Approved }, 0},
		"a vote is void":   {func(o *approval.Order) { o.Approvals[0].Votes[0].Void = false }, 0},
		"a vote is added": {func(o *approval.Order) {
			o.Approvals[0].Votes = append(o.Approvals[0].Votes, approval.Vote{DecisionID: "d"})
		}, 0},
		"an event is added and the oldest is gone": {func(o *approval.Order) {
			o.History = append(o.History[1:], approval.Event{Kind: approval.EventReminded, At: time.Unix(5, 6).UTC()})
		}, 1},
		"a probe ends":               {func(o *approval.Order) { o.Approvals[0].Probe = approval.Probe{} }, 0},
		"all events are gone":        {func(o *approval.Order) { o.History = nil }, 2},
		"a pointer is gone":          {func(o *approval.Order) { o.Approvals[0].Agent = nil }, 1},
		"a title is another":         {func(o *approval.Order) { o.Approvals[0].Title = "only of the change" }, 0},
		"everything inside is zero":  {func(o *approval.Order) { o.Approvals[0].Callback = approval.Callback{} }, 0},
		"a verdict of the same text": {func(o *approval.Order) { o.JudgedDecisions[0].ID = o.JudgedDecisions[1].ID }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, values := withFuture(t, filled(t, 2))
			before := decode(t, b)
			c.change(before.Order)
			before.Tokens = tokensOf(before.Order)
			got, err := Encode(before, b)
			require.NoError(t, err)
			require.Equal(t, before.Order, decode(t, got).Order)
			require.Equal(t, values-c.lost, countFuture(t, got))

			plain, err := Encode(before, nil)
			require.NoError(t, err)
			require.Zero(t, countFuture(t, plain))
		})
	}
}

// TestEncoderIsUsedAgain holds that a record with foreign tables leaves nothing behind: a text of the dictionary may be in
// its table, because its program did not know it.
func TestEncoderIsUsedAgain(t *testing.T) {
	t.Parallel()
	want := encode(t, &approval.Order{ID: "pending"}, nil)
	for range 10 {
		b := []byte{Mark, 9, 10, 8, 7 << formBits}
		b = append(append(b, "pending"...), 0, 1<<wireBits|wireNumber, 1)
		b = withSum(append(appendTag(b, future, wireTrue), 0, 0, 0, 0))
		c := decode(t, b)
		require.Equal(t, "pending", c.Order.ID)
		_, err := Encode(c, b)
		require.NoError(t, err)
		require.Equal(t, want, encode(t, &approval.Order{ID: "pending"}, nil))
	}
}
