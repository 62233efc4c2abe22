package store

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store/record"
)

// countingSealer counts the seals of a ring.
type countingSealer struct {
	*keys.Ring
	seals int
}

func (c *countingSealer) Seal(b []byte, associated ...string) ([]byte, error) {
	c.seals++
	return c.Ring.Seal(b, associated...)
}

// TestTokensAreSealedOnce holds that an update keeps the sealed form of a token, unless the token, its place or the key
// changes.
func TestTokensAreSealedOnce(t *testing.T) {
	t.Parallel()
	s := &countingSealer{Ring: keys.NewRing(time.Now())}
	o := &approval.Order{ID: "o", Approvals: []*approval.Approval{
		{ID: "x", Request: approval.Request{Token: approval.NewToken("secret")}},
		{ID: "y"},
		{ID: "z", Request: approval.Request{Token: approval.NewToken(strings.Repeat("QUJD", 99))}},
	}}
	unknown := NewUnknown()
	var last []byte
	step := func(seals int, changes func()) {
		t.Helper()
		changes()
		before := s.seals
		b, err := Encode("o", o, unknown, s)
		require.NoError(t, err)
		require.Equal(t, seals, s.seals-before)
		require.NotContains(t, string(b), "secret")
		got, err := Decode("o", b, s)
		require.NoError(t, err)
		require.Equal(t, o, got)
		last = b
	}
	step(2, func() {})
	step(0, func() { o.Approvals[0].Status = approval.Approved })
	step(0, func() { o.Approvals[0], o.Approvals[2] = o.Approvals[2], o.Approvals[0] })
	step(1, func() { o.Approvals[2].Token = approval.NewToken("secret too") })
	step(1, func() { o.Approvals[1].Token = o.Approvals[2].Token })
	step(0, func() { o.Approvals = o.Approvals[1:] })
	step(2, func() { s.Ring = s.Rotate(time.Now()) })
	step(0, func() { o.Approvals[0].Token = approval.Token{} })
	step(1, func() { o.Approvals[1].ID = "another" })

	var err error
	o, unknown, err = DecodeForUpdate("o", last, s)
	require.NoError(t, err)
	step(0, func() {})
	unknown = Unknown{}
	step(1, func() {})
	step(1, func() {})
}

// TestPackedTokens holds that every token comes back as it was, and that base64 is sealed in its decoded form.
func TestPackedTokens(t *testing.T) {
	t.Parallel()
	long := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", 100)))
	for text, isPacked := range map[string]bool{
		long:                          true,
		long[:64]:                     true,
		long[:28]:                     false,
		long[:134] + "B=":             false, // bits behind the end
		long[:60] + "\n\n\n\n":        false,
		"\r\n\r\n" + long:             false,
		"https://example.com/" + long: false,
		strings.Repeat("=", 64):       false,
	} {
		b, got := packToken(text)
		require.Equal(t, isPacked, got, "%q", text)
		o := &approval.Order{ID: "o", Approvals: []*approval.Approval{{ID: "x", Request: approval.Request{Token: approval.NewToken(text)}}}}
		if isPacked {
			require.Less(t, len(b), len(text))
		}
		stored, err := Encode("o", o, NewUnknown(), reversed{})
		require.NoError(t, err)
		back, err := Decode("o", stored, reversed{})
		require.NoError(t, err)
		require.Equal(t, o, back)
	}
}

// TestSealsAreBoundToTheirPlace moves the sealed token of an order to another order and to another approval.
func TestSealsAreBoundToTheirPlace(t *testing.T) {
	t.Parallel()
	ring := keys.NewRing(time.Now())
	o := &approval.Order{ID: "o", Approvals: []*approval.Approval{
		{ID: "x", Request: approval.Request{Token: approval.NewToken("secret")}},
	}}
	unknown := NewUnknown()
	_, err := Encode("o", o, unknown, ring)
	require.NoError(t, err)
	for id, name := range map[string]string{"p": "x", "o": "y"} {
		moved := &approval.Order{ID: id, Approvals: []*approval.Approval{{ID: name}}}
		b, err := record.Encode(record.Content{
			Versions: record.Versions{Reader: readerVersion, Writer: recordVersion},
			Order:    moved,
			Tokens:   unknown.sealed.tokens,
		}, nil)
		require.NoError(t, err)
		_, err = Decode(id, b, ring)
		require.ErrorIs(t, err, keys.ErrCorrupt)
	}
}

// TestJSONBecomesBinary reads a JSON record with a value in every field, and compares all of it with the binary record that
// the next update writes.
func TestJSONBecomesBinary(t *testing.T) {
	t.Parallel()
	text, err := encodeJSON(filled(t), Unknown{}, reversed{})
	require.NoError(t, err)
	o, unknown, err := DecodeForUpdate("o", text, reversed{})
	require.NoError(t, err)
	require.True(t, unknown.IsEmpty())
	b, err := Encode("o", o, unknown, reversed{})
	require.NoError(t, err)
	require.True(t, record.Is(b))
	require.Equal(t, RecordVersions{Reader: readerVersion, Writer: recordVersion}, VersionsOf(b))
	back, err := Decode("o", b, reversed{})
	require.NoError(t, err)
	require.Equal(t, o, back)
	want, err := json.Marshal(o)
	require.NoError(t, err)
	got, err := json.Marshal(back)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
	again, err := encodeJSON(back, Unknown{}, reversed{})
	require.NoError(t, err)
	require.Equal(t, string(text), string(again))
}

// TestFormsOfOthersAreRefused holds that records of newer programs, and bytes that are no record, are refused with the order.
func TestFormsOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	newer, err := record.Encode(record.Content{
		Versions: record.Versions{Reader: readerVersion + 1, Writer: recordVersion + 1},
		Order:    &approval.Order{ID: "o"},
	}, nil)
	require.NoError(t, err)
	good, err := Encode("o", &approval.Order{ID: "o"}, Unknown{}, reversed{})
	require.NoError(t, err)
	for want, b := range map[string]string{
		"a newer program wrote it":    string(newer),
		"a format that this program":  "\xb2" + string(good[1:]),
		"damaged":                     string(good[:len(good)-1]),
		"is damaged: unexpected end":  "",
		"does not contain this order": "null",
		"has version 6, which this":   `{"v":6,"order":{"id":"o"}}`,
		"damaged: invalid character":  "\x01\x02",
	} {
		_, err := Decode("o", []byte(b), reversed{})
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, `order "o"`)
	}
	_, err = Decode("p", good, reversed{})
	require.ErrorContains(t, err, "does not contain this order")
}
