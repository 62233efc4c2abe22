package recent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/refusal"
)

// bench is a list with a clock, a log and a sealer that the test can read.
type bench struct {
	*List
	now     time.Time
	log     bytes.Buffer
	counted map[string]int
	broken  error
}

func newBench() *bench {
	b := &bench{now: time.Unix(1_700_000_000, 0), counted: map[string]int{}}
	b.List = New(Config{
		Sealer:   b,
		Observer: b,
		Log:      slog.New(slog.NewJSONHandler(&b.log, nil)),
		Now:      func() time.Time { return b.now },
	})
	return b
}

// Seal reverses the bits of each byte.
func (b *bench) Seal(plain []byte, associated ...string) ([]byte, error) {
	out := []byte(strings.Join(associated, "/") + ":")
	for _, c := range plain {
		out = append(out, ^c)
	}
	return out, b.broken
}

func (b *bench) Open(sealed []byte, associated ...string) ([]byte, error) {
	sealed, ok := bytes.CutPrefix(sealed, []byte(strings.Join(associated, "/")+":"))
	if !ok {
		return nil, errors.New("sealed for something else")
	}
	out := []byte{}
	for _, c := range sealed {
		out = append(out, ^c)
	}
	return out, b.broken
}

func (b *bench) Refused(source string, code refusal.Code) { b.counted[source+" "+string(code)]++ }

func (b *bench) refuse(t *testing.T, r refusal.Refusal) {
	t.Helper()
	if r.Status == 0 {
		r.Status = http.StatusUnauthorized
	}
	b.RecordRefusal(t.Context(), r)
}

// lines returns the lines of the log, and clears it.
func (b *bench) lines(t *testing.T) (out []map[string]any) {
	t.Helper()
	for line := range strings.Lines(b.log.String()) {
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &fields))
		out = append(out, fields)
	}
	b.log.Reset()
	return out
}

// A source and code has one line a minute, which says how many had none.
func TestLogHasOneLineAMinute(t *testing.T) {
	t.Parallel()
	b := newBench()
	for range 100 {
		b.refuse(t, refusal.Refusal{Source: "decision-erp", Code: refusal.Stale, Field: "X-Time", Detail: "too old", Remote: "192.0.2.1"})
		b.now = b.now.Add(500 * time.Millisecond)
	}
	b.refuse(t, refusal.Refusal{Source: "decision-erp", Code: refusal.Missing})
	b.refuse(t, refusal.Refusal{Source: "api", Code: refusal.Stale})
	lines := b.lines(t)
	require.Len(t, lines, 3)
	require.Equal(t, "WARN", lines[0]["level"])
	require.Equal(t, []any{"decision-erp", "stale", "X-Time", "too old", "192.0.2.1", 401.0},
		[]any{lines[0]["source"], lines[0]["reason"], lines[0]["field"], lines[0]["detail"], lines[0]["remote"], lines[0]["status"]})
	require.NotContains(t, lines[0], "not_logged_before")

	b.now = b.now.Add(time.Minute)
	b.refuse(t, refusal.Refusal{Source: "decision-erp", Code: refusal.Stale})
	lines = b.lines(t)
	require.Len(t, lines, 1)
	require.InDelta(t, 99, lines[0]["not_logged_before"], 0)
	require.Equal(t, map[string]int{"decision-erp stale": 101, "decision-erp missing": 1, "api stale": 1}, b.counted)
}

// A dead letter has a line of its own from the router.
func TestMessagesOfQueuesAreNotLoggedTwice(t *testing.T) {
	t.Parallel()
	b := newBench()
	b.RecordRefusal(t.Context(), refusal.Refusal{Source: "request-orders", Code: refusal.Field})
	require.Empty(t, b.lines(t))
	require.Len(t, b.Entries(Query{}), 1)

	// A connection that was refused has no status either, but nobody else logs it.
	b.RecordRefusal(t.Context(), refusal.Refusal{Source: "public", Code: refusal.Missing, Remote: "192.0.2.1"})
	require.Len(t, b.lines(t), 1)
}

// A flood of one kind removes nothing of another, and the list stays small.
func TestFloodRemovesNothingElse(t *testing.T) {
	t.Parallel()
	b := newBench()
	b.refuse(t, refusal.Refusal{Source: "decision-erp", Code: refusal.Stale, Detail: "the clock"})
	for i := range 10_000 {
		b.refuse(t, refusal.Refusal{Source: "decision-erp", Code: refusal.Mismatch, Remote: fmt.Sprint(i)})
		b.refuse(t, refusal.Refusal{Source: refusal.SourcePublic, Code: refusal.Unknown, Remote: fmt.Sprint(i)})
	}
	require.Len(t, b.Entries(Query{Source: "decision-erp", Code: refusal.Stale}), 1)
	all := b.Entries(Query{})
	require.Len(t, all, 1+2*perPart)
	require.Equal(t, 10_000, all[0].Total)
	require.Equal(t, "9999", all[0].Remote, "the last one is kept")
	require.Len(t, b.Entries(Query{Limit: 3}), 3)
}

func TestEqualRefusalsShareAnEntry(t *testing.T) {
	t.Parallel()
	b := newBench()
	r := refusal.Refusal{Source: "api", Code: refusal.Mismatch, Detail: "unknown token", Remote: "192.0.2.1"}
	for i := range 5 {
		r.Size = i
		b.refuse(t, r)
		b.now = b.now.Add(time.Second)
	}
	r.Remote = "192.0.2.2"
	b.refuse(t, r)
	all := b.Entries(Query{})
	require.Len(t, all, 2)
	require.Equal(t, []any{"192.0.2.2", 1}, []any{all[0].Remote, all[0].Count})
	require.Equal(t, []any{"192.0.2.1", 5, 4}, []any{all[1].Remote, all[1].Count, all[1].Size})
	require.Equal(t, 4*time.Second, all[1].Time.Sub(all[1].First))
	require.Equal(t, []string{"api"}, b.Sources())
}

// The facts of the call are filled in, and the call knows that it was recorded.
func TestFactsOfTheCall(t *testing.T) {
	t.Parallel()
	b := newBench()
	call := &refusal.Call{Source: "api", Route: "GET /v1/orders", Remote: "192.0.2.1"}
	call.Size.Store(12)
	call.SetPrincipal("api:erp")
	require.False(t, call.IsRecorded())
	b.RecordRefusal(refusal.WithCall(t.Context(), call), refusal.Refusal{Code: refusal.Forbidden, Status: 403})
	require.True(t, call.IsRecorded())
	e := b.Entries(Query{})[0]
	require.Equal(t, refusal.Refusal{
		Time:      b.now,
		Source:    "api",
		Code:      refusal.Forbidden,
		Status:    403,
		Size:      12,
		Remote:    "192.0.2.1",
		Route:     "GET /v1/orders",
		Principal: "api:erp",
	}, e.Refusal)
}

// Text from outside is made fit to be shown, and bounded.
func TestTextsAreClean(t *testing.T) {
	t.Parallel()
	b := newBench()
	b.refuse(t, refusal.Refusal{Source: "api", Code: refusal.Field, Field: "a\nb\x1b[1m\u202e", Detail: strings.Repeat("x", 5000)})
	e := b.Entries(Query{})[0]
	require.Equal(t, "a b\uFFFD[1m\uFFFD", e.Field)
	require.LessOrEqual(t, len([]rune(e.Detail)), maxText)
}

// A body is kept encrypted, is bounded, and is opened by its ID. The log says who has looked.
func TestBodies(t *testing.T) {
	t.Parallel()
	b := newBench()
	long := bytes.Repeat([]byte("body"), MaxBody)
	b.refuse(t, refusal.Refusal{Source: "decision-erp", Code: refusal.Mismatch, Body: long})
	b.lines(t)
	e := b.Entries(Query{})[0]
	require.True(t, e.HasBody)
	require.Nil(t, e.Body)
	require.NotContains(t, string(e.sealed), "body"+"body")
	opened, body, ok := b.OpenBody(e.ID, "operator:ada")
	require.True(t, ok)
	require.Equal(t, e.ID, opened.ID)
	require.Equal(t, long[:MaxBody], body)
	line := b.lines(t)[0]
	require.Equal(t, []any{"operator:ada", "decision-erp"}, []any{line["operator"], line["source"]})

	_, _, ok = b.OpenBody("another", "operator:ada")
	require.False(t, ok)
	for i := range perBodies {
		b.refuse(t, refusal.Refusal{Source: "decision-erp", Code: refusal.Mismatch, Remote: fmt.Sprint(i), Body: []byte("x")})
	}
	_, _, ok = b.OpenBody(e.ID, "operator:ada")
	require.False(t, ok, "newer bodies replace it")
	require.Len(t, b.Entries(Query{}), perBodies+1, "its entry stays")

	b.broken = errors.New("no key")
	b.refuse(t, refusal.Refusal{Source: "decision-shop", Code: refusal.Mismatch, Body: []byte("x")})
	require.False(t, b.Entries(Query{Source: "decision-shop"})[0].HasBody, "never kept in clear")
}

// The number of parts is bounded, whatever the sources are called.
func TestSourcesAreBounded(t *testing.T) {
	t.Parallel()
	b := newBench()
	for i := range maxSources*len(refusal.Codes()) + 50 {
		b.refuse(t, refusal.Refusal{Source: fmt.Sprint(i), Code: refusal.Field})
	}
	require.LessOrEqual(t, len(b.parts), maxSources*len(refusal.Codes())+len(refusal.Codes()))
	require.NotEmpty(t, b.Entries(Query{Source: "other"}))
}
