package notify_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/notify"
)

func TestVoteValues(t *testing.T) {
	t.Parallel()
	f, faults := form.ParseSchema(json.RawMessage(`{"properties": {
		"limit": {"type": "number", "title": "Limit in EUR"},
		"since": {"type": "string", "format": "date-time"},
		"urgent": {"type": "boolean"},
		"late": {"type": "boolean"},
		"kind": {"type": "string", "oneOf": [{"const": "a", "title": "Of kind A"}]},
		"tags": {"type": "array", "items": {"type": "string", "enum": ["red", "green"]}},
		"note": {"type": "string"},
		"missing": {"type": "string"}
	}}`))
	require.Empty(t, faults)
	var m approval.Message
	m.Rules.Form, m.Language, m.Zone = f, "de", time.UTC
	got := notify.VoteValues(m, approval.Vote{Values: json.RawMessage(`{"kind":"a","late":false,"limit":1234.5,` +
		`"note":"two\nlines\u202e","since":"2026-03-02T12:00:00Z","tags":["red","green"],"urgent":true}`)})
	require.Equal(t, []notify.LabelledValue{
		{"Limit in EUR", "1.234,5"},
		{"since", "Montag, 2. März 2026, 12:00 UTC"},
		{"urgent", "ja"},
		{"late", "nein"},
		{"kind", "Of kind A"},
		{"tags", "red, green"},
		{"note", "two lines\ufffd"},
	}, got)
	require.Empty(t, notify.VoteValues(m, approval.Vote{}))
}

func TestChanges(t *testing.T) {
	t.Parallel()
	f, faults := form.ParseSchema(json.RawMessage(`{"properties": {"limit": {"type": "number", "title": "Limit in EUR"}}}`))
	require.Empty(t, faults)
	var m approval.Message
	m.Rules.Form = f
	m.Changes = []approval.Change{
		{Field: "limit", Path: "/total", From: json.RawMessage(`480`), To: json.RawMessage(`50`), By: "ann@example.com"},
		{Field: "gone", Path: "/note", From: json.RawMessage(`null`), To: json.RawMessage(`"a\nb"`)},
	}
	require.Equal(t, []string{"Limit in EUR: 480 → 50 (ann@example.com)", "/note: not given → a b"}, notify.Changes(m))
}
