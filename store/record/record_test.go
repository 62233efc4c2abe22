package record

import (
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
)

// withSum replaces the checksum of a record that was changed.
func withSum(b []byte) []byte {
	if len(b) < sumSize {
		return b
	}
	end := len(b) - sumSize
	return binary.LittleEndian.AppendUint32(b[:end:end], crc32.Checksum(b[:end], castagnoli()))
}

// TestDamage cuts a record off everywhere, and flips each of its bits: all are errors. With the right checksum, they are
// errors or other orders, and there is no panic.
func TestDamage(t *testing.T) {
	t.Parallel()
	b := encode(t, filled(t, 1), nil)
	for i := range b {
		_, err := Decode(b[:i], 9)
		require.Error(t, err, "cut off after %d bytes", i)
		_, _ = Decode(withSum(b[:i:i]), 9)
	}
	for i := range 8 * len(b) {
		flipped := append([]byte{}, b...)
		flipped[i/8] ^= 1 << (i % 8)
		_, err := Decode(flipped, 9)
		require.Error(t, err, "bit %d", i)
		_, _ = Decode(withSum(flipped), 9)
	}
}

// TestFaultsNameTheirPlace holds that an error in a record says where it is, without the values there.
func TestFaultsNameTheirPlace(t *testing.T) {
	t.Parallel()
	vote := appendTag(nil, 14, wireBytes) // the time of the vote
	votes := []byte{1, byte(len(vote) + 1)}
	votes = append(append(votes, vote...), 0)
	body := append([]byte{1, 0}, appendTag(nil, 22, wireBytes)...)
	body = append(append(body, byte(len(votes))), votes...)
	body[1] = byte(len(body) - 2)
	order := append(appendTag(nil, 2, wireBytes), byte(len(body)))
	order = append(order, body...)
	for text, b := range map[string][]byte{
		"order.approvals[0].votes[0].at has a value of another kind": order,
		"order.approvals[0] is cut off":                              {2<<wireBits | wireBytes, 2, 1, 9},
		"order.id refers to a text":                                  {1 << wireBits, 1},
		"order has its fields in a wrong order":                      {1 << wireBits, 0, 1 << wireBits, 0},
		"order is cut off":                                           {1 << wireBits},
	} {
		record := append([]byte{Mark, 9, 9, 0, 0}, b...)
		_, err := Decode(withSum(append(record, 0, 0, 0, 0)), 9)
		require.ErrorContains(t, err, text)
	}
	_, err := Decode(withSum([]byte{Mark, 9, 9, 2, 6, 0, 0, 0, 0, 0, 0}), 9)
	require.ErrorContains(t, err, "texts is cut off")
}

func TestNewerReader(t *testing.T) {
	t.Parallel()
	b, err := Encode(Content{Versions: Versions{Reader: 11, Writer: 12}, Order: &approval.Order{ID: "o"}}, nil)
	require.NoError(t, err)
	c, err := Decode(b, 10)
	require.NoError(t, err)
	require.Equal(t, Content{Versions: Versions{Reader: 11, Writer: 12}}, c)
	require.Equal(t, Versions{Reader: 11, Writer: 12}, VersionsOf(b))
	require.Zero(t, VersionsOf(b[:3]))
}

// small returns an order with a value of each kind. Fuzzing takes much longer with larger ones.
func small() *approval.Order {
	return &approval.Order{
		ID: "o",
		Approvals: []*approval.Approval{{
			ID: "0123456789abcdef",
			Request: approval.Request{
				Details:           []approval.Field{{Table: &approval.Table{Columns: []string{"a"}, Rows: [][]string{{"b"}}}}},
				Reminders:         []time.Time{time.Unix(1, 2).UTC()},
				HeartbeatInterval: time.Minute + 1,
				Output:            approval.Output{"n": "x"},
				DecisionRules: approval.DecisionRules{
					Edits:   map[string]string{"f": "/f"},
					Content: json.RawMessage(`{"f":1}`),
					Agent:   &approval.AgentRequest{Actions: []json.RawMessage{json.RawMessage("1")}},
				},
			},
			Notifications: []*approval.Notification{{ID: "0123456789abcdef.1", Round: 1}},
		}},
		ShedParts: []string{"events"},
	}
}

// FuzzDecode decodes any body: it is an error, or a content that is encoded as it was decoded.
func FuzzDecode(f *testing.F) {
	var t testing.T
	f.Add(encode(&t, filled(&t, 0), nil))
	f.Add(encode(&t, small(), nil))
	f.Add([]byte{Mark, 1, 1, 0, 0, 2<<wireBits | wireBytes, 4, 1, 2, 90 << wireBits & 0x7f, 1, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		b = withSum(b)
		c, err := Decode(b, 9)
		if err != nil || c.Order == nil {
			return
		}
		var before []byte
		if c.HasUnknown {
			before = b
		}
		again, err := Encode(c, before)
		require.NoError(t, err)
		second := decode(t, again)
		if !reflect.DeepEqual(c, second) { // faster than require.Equal
			require.Equal(t, c, second)
		}
		if before != nil {
			before = again
		}
		third, err := Encode(second, before)
		require.NoError(t, err)
		require.Equal(t, again, third)
	})
}
