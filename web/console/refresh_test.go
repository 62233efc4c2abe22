package console_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

var typed = regexp.MustCompile(`<(textarea|select)|<input type="(search|password|text)"`)

// TestRefresh holds that a list loads itself again, but not a page with a field that an operator may be filling in: its
// text would be lost.
func TestRefresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(adaToken)
	everyState(w)
	for i := range 60 {
		w.ask("B-"+string(rune('a'+i/26))+string(rune('a'+i%26)), time.Minute)
	}
	_, first := w.get("?state=all")
	_, next, _ := strings.Cut(first, `id="next" rel="next" href="./`)
	next, _, _ = strings.Cut(next, `"`)
	for address, want := range map[string]string{
		"":                                     "30",
		"?state=exhausted":                     "30",
		"?state=all&q=nowhere":                 "30",
		"?filter=open":                         "",
		"?state=closed&filter=open":            "",
		strings.ReplaceAll(next, "&amp;", "&"): "",
		"order?id=pending":                     "",
		"dead-letters":                         "",
		"refused":                              "",
		"?state=nothing":                       "",
	} {
		resp, page := w.get(address)
		if got := resp.Header.Get("Refresh"); got != want {
			t.Errorf("%s: %q", address, got)
		}
		if fields := typed.FindAllString(page, -1); want != "" && len(fields) > 0 {
			t.Errorf("%s loads itself again with %q", address, fields)
		}
		if strings.Contains(page, "http-equiv") {
			t.Errorf("%s: only the header loads again", address)
		}
	}
}

// TestRefreshOff holds that a link stops this for good, that another starts it again, and that they keep the list.
func TestRefreshOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(adaToken)
	var choice *http.Cookie
	get := func(address string) (*http.Response, string) {
		r := httptest.NewRequest(http.MethodGet, "/console/"+address, nil)
		if choice != nil {
			r.AddCookie(choice)
		}
		resp := w.do(r)
		for _, c := range resp.Cookies() {
			if choice = c; c.MaxAge < 0 {
				choice = nil
			}
		}
		return resp, body(t, resp)
	}
	follow := func(address string) {
		t.Helper()
		_, page := get(address)
		_, link, found := strings.Cut(page, `id="refresh" href="./`)
		if !found {
			t.Fatalf("no link to change it on %q", address)
		}
		link, _, _ = strings.Cut(link, `"`)
		resp, _ := get(strings.ReplaceAll(link, "&amp;", "&"))
		if to := resp.Header.Get("Location"); resp.StatusCode != http.StatusSeeOther || to != "./"+address {
			t.Fatalf("%d %q", resp.StatusCode, to)
		}
	}
	address := "?" + url.Values{"state": {"closed"}, "q": {"a&b"}}.Encode()
	follow(address)
	for _, other := range []string{address, "", "?state=exhausted"} {
		if resp, page := get(other); resp.Header.Get("Refresh") != "" || !strings.Contains(page, `id="find" type="search"`) {
			t.Errorf("%q loads itself again, or has no search: %q", other, resp.Header.Get("Refresh"))
		}
	}
	follow(address)
	if resp, _ := get(address); resp.Header.Get("Refresh") != "30" {
		t.Error("it was switched on again")
	}
}

// TestRefreshInAnOutage holds that a list on a wall goes on after an outage of the store.
func TestRefreshInAnOutage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(adaToken)
	w.failing = errFire
	resp, page := w.get("")
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Refresh") != "30" || typed.MatchString(page) {
		t.Errorf("%d %q", resp.StatusCode, resp.Header.Get("Refresh"))
	}
}
