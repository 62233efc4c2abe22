package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/refusal"
)

// refusals keeps what is recorded.
type refusals struct{ list []refusal.Refusal }

func (l *refusals) RecordRefusal(_ context.Context, r refusal.Refusal) { l.list = append(l.list, r) }

// Each refused link, form and decision is recorded once, and neither a page that was shown nor a decision that counts.
func TestRefusalsOfThePageAreRecorded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(w *world)
		want refusal.Code
	}{
		"a page": {func(w *world) { w.get(token) }, ""},
		"a decision": {func(w *world) {
			w.post(token, w.form(token, approval.Approve))
		}, ""},
		"a link that was cut off": {func(w *world) { w.get(token[:5]) }, refusal.Malformed},
		"an expired link": {func(w *world) {
			w.now = w.now.AddDate(1, 0, 0)
			w.get(token)
		}, refusal.Stale},
		"a form of another site": {func(w *world) {
			r := browser(token, "")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			w.do(r)
		}, refusal.Forbidden},
		"another method": {func(w *world) { w.do(httptest.NewRequest(http.MethodPut, "/a/"+token, nil)) }, refusal.Method},
		"a large form": {func(w *world) {
			w.do(browser(token, "comment="+strings.Repeat("x", 1<<20)))
		}, refusal.TooLarge},
		"a contradiction": {func(w *world) {
			f := w.form(token, approval.Reject)
			w.post(token, w.form(token, approval.Approve))
			w.post(token, f)
		}, refusal.Decision},
		"the requester": {func(w *world) {
			f := w.form(token, approval.Approve)
			w.verdict = approval.VerdictRequester
			w.post(token, f)
		}, refusal.Decision},
		"a store that fails": {func(w *world) {
			w.getErr = http.ErrServerClosed
			w.get(token)
		}, refusal.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, log := newWorld(t, nil), &refusals{}
			w.page.Refusals = log
			c.do(w)
			if c.want == "" {
				if len(log.list) > 0 {
					t.Errorf("%+v", log.list)
				}
				return
			}
			if len(log.list) != 1 || log.list[0].Code != c.want || log.list[0].Source != "link" || log.list[0].Detail == "" ||
				log.list[0].Status < 400 {
				t.Fatalf("%+v", log.list)
			}
			if strings.Contains(log.list[0].Detail, "s3cret") {
				t.Error("the link is in the record")
			}
		})
	}
}
