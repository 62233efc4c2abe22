package approval

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// A token never shows its text, neither printed alone nor inside another value.
func TestTokenIsNeverPrinted(t *testing.T) {
	t.Parallel()
	const secret = "AQCEAAAAKgAAAAMAAAAAAAAAAS3cr3t"
	token := NewToken(secret)
	hidden := struct{ t Token }{token} // fmt cannot call the methods of an unexported field
	a := newRequest(secret)
	nested := fmt.Errorf("and %+v %v %s", hidden, token, token)
	order := &Order{ID: "o", Approvals: []*Approval{{ID: "a", Request: a}}}
	values := map[string]any{
		"token":                 token,
		"pointer":               &token,
		"slice":                 []Token{token},
		"map":                   map[string]Token{"k": token},
		"key":                   map[Token]int{token: 1},
		"nested":                struct{ T Token }{token},
		"unexported":            hidden,
		"pointer to unexported": &hidden,
		"request":               a,
		"approval":              order.Approvals[0],
		"order":                 order,
		"answer":                Answer{Token: token},
		"message":               Message{Link: token},
		"error":                 fmt.Errorf("with %v: %w", token, errors.Join(errBusy, nested)),
	}
	for name, v := range values {
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%t"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(h).With("w", v).Info("m", "v", v)
			slog.New(h).Info("m", slog.Group("g", slog.Any("v", v)))
		}
		if b, err := json.Marshal(v); err == nil {
			out.Write(b)
		}
		for _, leak := range []string{
			secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret),
			strings.Trim(fmt.Sprint([]byte(secret)), "[]"),
		} {
			require.NotContains(t, out.String(), leak, name)
		}
	}
	require.Equal(t, secret, token.Reveal())
	require.Equal(t, "[token] [token] [token]", fmt.Sprintf("%v %s %#v", token, &token, token))
}

func TestTheZeroToken(t *testing.T) {
	t.Parallel()
	require.True(t, NewToken("").IsZero())
	require.Equal(t, Token{}, NewToken(""))
	require.Empty(t, Token{}.Reveal())
	require.False(t, NewToken("x").IsZero())
}

// A record of an older version must keep its approval IDs, so this value must never change. Another program computed
// it.
func TestApprovalIDGolden(t *testing.T) {
	t.Parallel()
	require.Equal(t, "091d15dfaba0a8690161d1121f05ab6f", idForToken("order-1", "review", NewToken("token-1")))
	ids := map[string]bool{}
	for _, parts := range [][3]string{
		{"a", "b", "c"}, {"a", "", "bc"}, {"ab", "", "c"}, {"a\x00b", "", "c"}, {"a", "b\x00c", ""},
		{"a", "b", "d"}, {"a", "e", "c"}, {"f", "b", "c"},
	} {
		ids[idForToken(parts[0], parts[1], NewToken(parts[2]))] = true
	}
	require.Len(t, ids, 8)
}

// Two steps may share a callback URL. Each has its own approval.
func TestStepsMayShareACallbackURL(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t)
	b, _ := addRequest(t, o, newRequest("t1", withStep("z")), envAt(1))
	require.NotEqual(t, a.ID, b.ID)
	require.Equal(t, Pending, a.Status)
}

func TestTruncate(t *testing.T) {
	t.Parallel()
	require.Equal(t, "abc", truncate("abc", 3))
	require.Equal(t, "ab…", truncate("abc", 2))
	require.Equal(t, "ä…", truncate("äöü", 2))
	require.Equal(t, "ä…", truncate("äöü", 3))
	require.Equal(t, "…", truncate("😀", 3))
	require.Equal(t, "…", truncate("ä", 0))
	for n := range 20 {
		require.True(t, utf8.ValidString(truncate("aä€😀aä€😀", n)))
	}
}

// A store returns the output unchanged: an order number is not rounded to a float64.
func TestNumbersOfTheOutputAreNotRounded(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, func(a *Request) {
		a.Output = Output{"n": int64(9007199254740993), "deep": map[string]any{"u": uint64(1<<64 - 1)}, "f": 0.1}
	})
	a = storeAndLoad(t, storeAndLoad(t, o)).FindApproval(a.ID)
	b, err := json.Marshal(a.Output)
	require.NoError(t, err)
	require.JSONEq(t, `{"n":9007199254740993,"deep":{"u":18446744073709551615},"f":0.1}`, string(b))
	require.Contains(t, string(b), "9007199254740993")
	require.Error(t, json.Unmarshal([]byte(`[1]`), &a.Output))
}

func TestCapabilities(t *testing.T) {
	t.Parallel()
	o, a := pendingOrder(t, withApprovers("ann", "bob"))
	c := o.LinkCapability(a, "ann")
	require.True(t, a.AcceptsCapability(c, at(deadline+24*time.Hour-1)))
	require.False(t, a.AcceptsCapability(c, at(deadline+24*time.Hour)))
	for name, change := range map[string]func(*Capability){
		"another approval":  func(c *Capability) { c.ApprovalID = "?" },
		"another approver":  func(c *Capability) { c.Approver = "bob" },
		"revoked":           func(c *Capability) { c.Nonce = "old" },
		"no approver":       func(c *Capability) { c.Approver, c.Nonce = "", a.ID },
		"not an approver":   func(c *Capability) { *c = o.LinkCapability(a, "eve") },
		"no nonce":          func(c *Capability) { c.Nonce = "" },
		"the approval's ID": func(c *Capability) { c.Nonce = a.ID },
	} {
		bad := c
		change(&bad)
		require.False(t, a.AcceptsCapability(bad, at(0)), name)
	}
	require.False(t, o.FindApproval("gone").AcceptsCapability(c, at(0)))
	o, a = pendingOrder(t)
	require.True(t, a.AcceptsCapability(o.LinkCapability(a, ""), at(0)))
	require.True(t, a.AcceptsCapability(o.LinkCapability(a, "ann"), at(0)), "a notified person, if everybody may decide")
	require.Empty(t, o.LinkCapability(a, "ann").Approver)
	c = o.LinkCapability(a, "")
	c.Approver = "ann"
	require.False(t, a.AcceptsCapability(c, at(0)))
	o, a = pendingOrder(t, withApprovers("ann"))
	group := o.LinkCapability(a, "")
	require.True(t, a.AcceptsCapability(group, at(0)), "a group may look")
	require.Empty(t, group.Allowed)
	group.Allowed = []Outcome{Approve}
	require.False(t, a.AcceptsCapability(group, at(0)), "but not decide")
}

func TestErrors(t *testing.T) {
	t.Parallel()
	require.NoError(t, Permanent(nil))
	require.NoError(t, NotApplied(nil))
	require.NoError(t, RetryAfter(nil, time.Second))
	require.NoError(t, RetryRefusal(nil, time.Second))
	for _, wrap := range []func(error) error{
		Permanent, NotApplied, func(err error) error { return RetryAfter(err, time.Hour) },
	} {
		err := wrap(fmt.Errorf("call: %w", ErrClosed))
		require.ErrorIs(t, err, ErrClosed)
		require.Equal(t, "call: the workflow no longer waits", err.Error())
	}
	for want, err := range map[Result]error{
		{Kind: ResultOK}: nil,
		{Kind: ResultClosed, Reason: ErrClosed.Error()}:            ErrClosed,
		{Kind: ResultRefused, Reason: "busy"}:                      fmt.Errorf("%w", Permanent(errBusy)),
		{Kind: ResultFailed, MaybeApplied: true, Reason: "busy"}:   errBusy,
		{Kind: ResultFailed, Reason: "busy"}:                       NotApplied(errBusy),
		{Kind: ResultFailed, Reason: "busy", After: time.Second}:   NotApplied(RetryAfter(errBusy, time.Second)),
		{Kind: ResultFailed, Reason: "busy", RefusalLimit: 1}:      RetryRefusal(Permanent(errBusy), 1),
		{Kind: ResultRefused, Reason: "busy"}:                      RetryRefusal(Permanent(errBusy), 0),
		{Kind: ResultFailed, Reason: "busy", After: MaxRetryAfter}: RetryAfter(NotApplied(errBusy), time.Hour),
	} {
		if err != nil {
			want.ReasonCode = ReasonCodeOf(err)
		}
		require.Equal(t, want, ResultOf(err))
	}
	for _, code := range AllVerdicts() {
		v := Verdict{Code: code}
		require.Equal(t, v.IsAccepted(), v.Err() == nil)
		require.False(t, v.IsAccepted() && v.IsFinal())
		if err := v.Err(); err != nil {
			require.NotContains(t, err.Error(), "): \x00")
			require.Greater(t, len(err.Error()), len("decision refused (): ")+len(code)+5, "%s has a reason", code)
		}
	}
}
