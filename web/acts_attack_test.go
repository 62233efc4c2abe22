package web_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/approval-relay/approval-relay/approval"
)

// The form of an act is good for that act, by that link, from our own page: neither a scanner nor another form does it.
func TestActsOfOthers(t *testing.T) {
	t.Parallel()
	w := newTalk(t)
	path := "/a/" + token
	ask := w.actForm(path, "ask", "text", "Why?")
	change := func(set url.Values) url.Values {
		f := maps.Clone(ask)
		maps.Copy(f, set)
		return f
	}
	for name, f := range map[string]url.Values{
		"for another act":         change(url.Values{"act": {"pass_on"}, "to": {"dora@example.com"}}),
		"for an act without text": change(url.Values{"act": {"decline"}}),
		"the decision's nonce":    change(url.Values{"act_nonce": {w.form(token, approval.Approve).Get("nonce")}}),
		"another colleague's":     change(url.Values{"act_nonce": {w.actForm("/a/barbara", "ask").Get("act_nonce")}}),
		"another content":         change(url.Values{"act_shown": {"00"}}),
		"two acts":                change(url.Values{"act": {"ask", "decline"}}),
		"as a decision":           {"choice": {"approve"}, "nonce": ask["act_nonce"], "shown": ask["act_shown"]},
	} {
		if status, _ := w.send(path, f); status < 400 {
			t.Errorf("%s: %d", name, status)
		}
	}
	if status, _ := w.send("/a/barbara", ask); status < 400 {
		t.Errorf("by the link of a colleague: %d", status)
	}
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		w.do(httptest.NewRequest(method, path+"?"+ask.Encode(), nil))
	}
	foreign := browser("x", ask.Encode())
	foreign.URL.Path = path
	foreign.Header.Set("Sec-Fetch-Site", "cross-site")
	if status := w.do(foreign).StatusCode; status != http.StatusForbidden {
		t.Errorf("from another site: %d", status)
	}
	if n := len(w.approval().Acts); n != 0 || w.decided != 0 {
		t.Errorf("%d acts, %d decisions", n, w.decided)
	}
	if status, page := w.send(path, ask); status != http.StatusSeeOther {
		t.Errorf("its own form: %d %s", status, page)
	}
}
