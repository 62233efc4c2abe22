package app

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/inbound"
	"github.com/approval-relay/approval-relay/secret"
)

// The first lines of the log say where the worker listens, how to sign in and how to make a first request, and the
// request of that line is accepted.
func TestFirstLinesOfTheLog(t *testing.T) {
	t.Parallel()
	r := startReloadedApp(t, "workflows: {orders: {}, refunds: {}}\n")
	text := r.log.String()
	require.Contains(t, text, "this worker serves no links and no webhooks")
	require.Contains(t, text, "the console is at "+r.operator+"/console/; sign in with a token of operator.tokens")
	require.NotContains(t, text, reloadToken)

	_, command, found := strings.Cut(text, "a first request: curl --oauth2-bearer $TOKEN ")
	require.True(t, found)
	form := url.Values{}
	target := ""
	for word := range strings.FieldsSeq(command) {
		name, value, isField := strings.Cut(word, "=")
		switch {
		case strings.HasPrefix(word, "http://"):
			target = word
		case isField && target == "":
			form.Set(name, value)
		}
	}
	require.Equal(t, r.operator+"/v1/requests?workflow=orders", target)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+reloadToken)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusAccepted, resp.StatusCode)
}

// Where the operator's address serves https, the first request says so.
func TestFirstLinesWithTLS(t *testing.T) {
	t.Parallel()
	for clientAuth, want := range map[string]string{
		"none":     "curl --cacert CA --oauth2-bearer $TOKEN ",
		"required": "curl --cacert CA --cert CERTIFICATE --key KEY --oauth2-bearer $TOKEN ",
	} {
		c := &config.Config{}
		c.Operator.Tokens = map[string]config.OperatorToken{"ops": {Token: secret.New("a token")}}
		c.Operator.TLS = &inbound.TLSSettings{ClientAuth: clientAuth}
		text := strings.Join((&App{config: c}).firstSteps(nil, textAddress("0.0.0.0:9090")), "\n")
		require.Contains(t, text, "the console is at https://localhost:9090/console/")
		require.Contains(t, text, want)
		require.NotContains(t, text, "http://")
	}
}

func TestReachableAddress(t *testing.T) {
	t.Parallel()
	for listener, want := range map[string]string{
		"127.0.0.1:9090": "127.0.0.1:9090",
		"[::1]:9090":     "[::1]:9090",
		"0.0.0.0:9090":   "localhost:9090",
		"[::]:9090":      "localhost:9090",
	} {
		require.Equal(t, want, reachableAddress(textAddress(listener)), listener)
	}
}

type textAddress string

func (textAddress) Network() string  { return "tcp" }
func (a textAddress) String() string { return string(a) }
