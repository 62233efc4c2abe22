package slack

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/secret"
)

// The answers are those of https://docs.slack.dev/apis/web-api/#responses and .../rate-limits, and of a proxy in between.
func TestAnswersOfSlack(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status     int
		retryAfter string
		body       string
		err        string // empty for success
		permanent  bool
		wait       time.Duration
	}{
		"done":                    {status: 200, body: `{"ok":true,"channel":"C1","ts":"1.2","message":{"blocks":[{"type":"later"}]}}`},
		"with a warning":          {status: 200, body: `{"ok":true,"channel":"C1","ts":"1.2","warning":"superfluous_charset"}`},
		"an error for ever":       {status: 200, body: `{"ok":false,"error":"is_archived"}`, err: "is_archived", permanent: true},
		"an error that may pass":  {status: 200, body: `{"ok":false,"error":"token_expired"}`, err: "token_expired"},
		"an error without a name": {status: 200, body: `{"ok":false}`, err: "unknown_error"},
		"not of Slack":            {status: 200, body: `{}`, err: "unknown_error"},
		"a page":                  {status: 200, body: `<html>`, err: "not valid"},
		"throttled":               {status: 429, retryAfter: "17", err: "asks to wait", wait: 17 * time.Second},
		"throttled, no time":      {status: 429, err: "asks to wait"},
		"throttled, odd time":     {status: 429, retryAfter: "soon", err: "asks to wait"},
		"refused by a proxy":      {status: 407, err: "407", permanent: true},
		"out of order":            {status: 503, body: `<html>`, err: "503"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if r.Header.Get("Authorization") != "Bearer xoxb-secret" || len(body) == 0 || r.URL.Path != "/api/chat.postMessage" {
					w.WriteHeader(http.StatusTeapot)
					return
				}
				if tc.retryAfter != "" {
					w.Header().Set("Retry-After", tc.retryAfter)
				}
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			}))
			defer server.Close()
			api := newCalls(server.Client(), server.URL+"/api", secret.New("xoxb-secret"))
			message := rendered{text: "hello", blocks: []slack.Block{slack.NewDividerBlock()}}
			var progress outbound.Progress
			postedIn, stamp, err := api.postMessage(progress.ObserveRequest(t.Context()), "C1", message)
			if err = judgeError(t.Context(), &progress, err); tc.err == "" {
				require.NoError(t, err)
				require.Equal(t, "C1/1.2", postedIn+"/"+stamp)
				return
			}
			require.ErrorContains(t, err, tc.err)
			require.Equal(t, tc.permanent, approval.IsPermanent(err))
			require.Equal(t, tc.wait, approval.ResultOf(err).After)
		})
	}
}
