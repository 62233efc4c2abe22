package session_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/session"
)

// TestCookieNames holds that a prefix promises only what the attributes keep.
func TestCookieNames(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		path   string
		secure bool
		want   string
	}{
		{"/", true, "__Host-x"},
		{"/prefix/", true, "__Secure-x"},
		{"", true, "__Secure-x"},
		{"/", false, "x"},
		{"/prefix/", false, "x"},
	} {
		c := session.Cookie{Base: "x", Path: tc.path, Secure: tc.secure, SameSite: http.SameSiteLaxMode}
		w := httptest.NewRecorder()
		c.Set(w, "v", 60)
		got := w.Result().Cookies()[0]
		require.Equal(t, tc.want, got.Name)
		require.Equal(t, tc.path, got.Path)
		require.Equal(t, tc.secure, got.Secure)
		require.True(t, got.HttpOnly)
		require.Empty(t, got.Domain)
		require.Equal(t, http.SameSiteLaxMode, got.SameSite)
	}
}

// TestSeveralCookies holds that a cookie that a neighbour of our host added does not count, whatever its place.
func TestSeveralCookies(t *testing.T) {
	t.Parallel()
	c := session.Cookie{Base: "x", Path: "/", Secure: true}
	for header, want := range map[string]string{
		"__Host-x=mine":               "mine",
		"a=b; __Host-x=mine; x=other": "mine",
		"__Host-x=mine; __Host-x=b":   "",
		"x=other":                     "",
		"__Secure-x=other":            "",
		"":                            "",
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Cookie", header)
		value, ok := c.Value(r)
		require.Equal(t, want, value, header)
		require.Equal(t, want != "", ok, header)
	}
}

func TestEnded(t *testing.T) {
	t.Parallel()
	var e session.Ended
	now := time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
	require.False(t, e.Has("a"))
	e.End("a", now.Add(time.Hour), now)
	e.End("over", now, now)
	require.True(t, e.Has("a"))
	require.False(t, e.Has("b"))
	require.False(t, e.Has("over"), "an expired session need not be remembered")
	e.End("b", now.Add(3*time.Hour), now.Add(time.Hour))
	require.False(t, e.Has("a"), "it would have expired by itself")
	require.True(t, e.Has("b"))
}

// TestEndedIsBounded holds that the list does not grow without bound, and forgets first what would expire first.
func TestEndedIsBounded(t *testing.T) {
	t.Parallel()
	var e session.Ended
	now := time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
	e.End("long", now.Add(time.Hour), now)
	e.End("short", now.Add(time.Minute), now)
	session.Fill(&e, now.Add(30*time.Minute))
	e.End("last", now.Add(time.Hour), now)
	require.False(t, e.Has("short"))
	require.True(t, e.Has("long"))
	require.True(t, e.Has("last"))
	require.LessOrEqual(t, session.Length(&e), session.MaxEnded, fmt.Sprint(session.MaxEnded))
}
