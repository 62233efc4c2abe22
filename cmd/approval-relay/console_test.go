package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/approval"
)

// browser is somebody at the console of a running relay.
type browser struct {
	t      *testing.T
	base   string
	client *http.Client
}

func (r *running) browse(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &browser{t: t, base: r.operator, client: &http.Client{Jar: jar}}
}

// get returns a page, after the redirects that lead to it, and where it is.
func (b *browser) get(path string) (page, at string) {
	b.t.Helper()
	return b.answer(b.client.Get(b.base + path))
}

func (b *browser) post(path string, form url.Values) (page, at string) {
	b.t.Helper()
	return b.answer(b.client.PostForm(b.base+path, form))
}

func (b *browser) answer(resp *http.Response, err error) (page, at string) {
	b.t.Helper()
	require.NoError(b.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(b.t, err)
	return string(text), resp.Request.URL.Path
}

// hidden returns what the forms of a page carry, those that lead there.
func hidden(page, action string) url.Values {
	out := url.Values{}
	for f := range strings.SplitSeq(page, "<form ") {
		if f, _, _ = strings.Cut(f, "</form>"); !strings.Contains(f, `action="`+action+`"`) {
			continue
		}
		for _, m := range inputForm.FindAllStringSubmatch(f, -1) {
			out.Set(m[1], m[2])
		}
	}
	return out
}

// TestConsole signs an operator in, who sees a pending approval and decides it; the workflow gets its answer.
func TestConsole(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, true, "approvers: [ann@example.com]"))
	t.Cleanup(func() { noSecrets(t, r) })
	token := r.ask(t, "o-1", "")
	b := r.browse(t)
	page, at := b.get("/")
	require.Equal(t, "/console/signin", at)
	require.NotContains(t, page, "o-1")
	page, _ = b.post("/console/signin", url.Values{"token": {programSecret}})
	require.Contains(t, page, "This is not the token of an operator", "a program is not an operator")
	page, at = b.post("/console/signin", url.Values{"token": {operatorSecret}})
	require.Equal(t, "/console/", at)
	require.Contains(t, page, `href="order?id=o-1"`)
	require.Contains(t, page, "ann@example.com")

	page, _ = b.get("/console/order?id=o-1")
	require.NotContains(t, page, token)
	form := hidden(page, "decide")
	form.Set("act", "approve")
	form.Set("reason", "by phone")
	page, at = b.post("/console/decide", form)
	require.Equal(t, "/console/order", at)
	require.Contains(t, page, "decided by ops")
	require.Equal(t, "SUCCEEDED", strings.ToUpper(string(r.task(t, token).State)))
	vote := r.order(t, "o-1").Approvals[0].Votes[0]
	require.Equal(t, []any{"ops", "by phone", approval.ViaOperator}, []any{vote.DecidedBy, vote.Comment, vote.Via})
	require.Contains(t, r.log.String(), "operator signed in")

	page, _ = b.get("/console/?state=all&q=o-1")
	require.Contains(t, page, `href="order?id=o-1"`)
	page, _ = b.get("/console/export?state=all&format=csv")
	require.Contains(t, page, "order_id,approval_id,status")
	require.Contains(t, page, "o-1,")

	for _, pattern := range api.ConsoleRoutes() { // each leads to a page, but there is no provider
		if strings.Contains(pattern, "/oidc") {
			continue
		}
		method, path, _ := strings.Cut(strings.TrimSuffix(pattern, "{$}"), " ")
		resp := do(t, method, r.operator+path, "")
		require.NotContains(t, []int{http.StatusNotFound, http.StatusMethodNotAllowed}, resp.status, pattern)
	}
	require.Equal(t, http.StatusNotFound, do(t, "GET", r.public+"/console/", "").status)
}

// TestConsoleByTokenFile signs in with the content of the token file, which is used if no operator is configured.
func TestConsoleByTokenFile(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	file := p.file(t, false, "")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	path := filepath.Join(p.dir, "token")
	replaced := strings.Replace(string(text), `tokens: {ops: "${OPERATOR}"}`, "token_file: "+path, 1)
	require.NoError(t, os.WriteFile(file, []byte(replaced), 0o600))
	r := p.start(t, file)
	token, err := os.ReadFile(path)
	require.NoError(t, err)
	page, at := r.browse(t).post("/console/signin", url.Values{"token": {string(token)}})
	require.Equal(t, "/console/", at)
	require.Contains(t, page, "<bdi>operator</bdi>")
}
