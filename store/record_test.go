package store

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store/record"
)

// reversed is a Sealer whose effect is visible: it writes the secret backwards.
type reversed struct{}

func (reversed) Seal(b []byte, _ ...string) ([]byte, error) { return backwards(b), nil }
func (reversed) Open(b []byte, _ ...string) ([]byte, error) { return backwards(b), nil }

func backwards(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := range b {
		out = append(out, b[len(b)-1-i])
	}
	return out
}

// FuzzDecode decodes any bytes: it returns an error, or an order on which every transition works and which is encoded
// as it was decoded.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"", "null", `{"v":1,"order":{"id":"o"}}`, `{"v":1,"order":{"id":"o","approvals":[null]}}`, `{"v":9,"order":[]}`,
		`{"v":1,"order":{"id":"o","approvals":[{"id":"x","status":"pending","notifications":[{"id":"n","state":"owed"},null]}]}}`,
		`{"v":1,"order":{"id":"o","approvals":[{"id":"x","callback":{"state":"owed"}}]},"tokens":{"x":"YWI="}}`,
		`{"v":1,"order":{"id":"o","unmatched":[{"decision":{"id":"d"}}],"history":[{"at":"2026-01-01T00:00:00Z"}]}}`,
		`{"v":1,"order":{"id":"o","approvals":[{"id":"x"},{"id":"x"}]},"tokens":{"x":""}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := Decode("o", b, reversed{})
		if err != nil {
			require.Nil(t, o)
			return
		}
		o.NextDue()
		o.HasExhaustedCallback()
		o.PendingApprovals()
		first, err := Encode("o", o, Unknown{}, reversed{})
		require.NoError(t, err)
		again, err := Decode("o", first, reversed{})
		require.NoError(t, err)
		second, err := Encode("o", again, Unknown{}, reversed{})
		require.NoError(t, err)
		require.Equal(t, string(first), string(second))
		again.Advance(approval.Environment{Now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), Lease: time.Minute})
	})
}

func TestTokensAreSealed(t *testing.T) {
	t.Parallel()
	o := &approval.Order{ID: "o", Approvals: []*approval.Approval{
		{ID: "x", Request: approval.Request{Token: approval.NewToken("secret")}},
		{ID: "y"},
	}}
	b, err := Encode("o", o, Unknown{}, reversed{})
	require.NoError(t, err)
	require.NotContains(t, string(b), "secret")
	require.Equal(t, 1, strings.Count(string(b), "terces"), "backwards: once, of x")
	back, err := Decode("o", b, reversed{})
	require.NoError(t, err)
	require.Equal(t, "secret", back.Approvals[0].Token.Reveal())
	require.True(t, back.Approvals[1].Token.IsZero())
	_, err = Decode("p", b, reversed{})
	require.ErrorContains(t, err, "does not contain this order")
}

func TestDeadLetterIDs(t *testing.T) {
	t.Parallel()
	before := ""
	for _, n := range []int64{1, 9, 10, 99, 100, 1e15} {
		id := FormatDeadLetterID(n)
		require.Greater(t, id, before)
		got, err := ParseDeadLetterID(id)
		require.NoError(t, err)
		require.Equal(t, n, got)
		before = id
	}
}

// TestRecordsOfOlderVersionsAreRead holds that an update of the program reads the records of the version before.
func TestRecordsOfOlderVersionsAreRead(t *testing.T) {
	t.Parallel()
	o, err := Decode("o", []byte(`{"v":1,"order":{"id":"o","approvals":[{"id":"x","asked_at":"2026-01-01T00:00:00Z"}]}}`), reversed{})
	require.NoError(t, err)
	require.Equal(t, 2026, o.Approvals[0].AttemptStartedAt.Year())
	now, err := Encode("o", o, Unknown{}, reversed{})
	require.NoError(t, err)
	require.Equal(t, RecordVersions{Reader: readerVersion, Writer: recordVersion}, VersionsOf(now))
	require.True(t, record.Is(now), "the first update makes a JSON record binary")
	_, err = Decode("o", []byte(`{"v":0,"order":{"id":"o"}}`), reversed{})
	require.ErrorContains(t, err, "damaged")
}
