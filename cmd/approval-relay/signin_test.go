package main

import (
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/signin/signintest"
)

// TestWrongIssuerAtStart holds that a wrong issuer and a provider that is down are in the log before an approver signs in,
// and that the program is ready all the same.
func TestWrongIssuerAtStart(t *testing.T) {
	t.Parallel()
	provider, down := signintest.Start(), signintest.Start()
	t.Cleanup(provider.Close)
	down.Close()
	for issuer, logged := range map[string]string{
		provider.URL + "/": `level=WARN msg="nobody can sign in: the issuer does not match the provider's discovery document" ` +
			"setting=public.oidc.issuer configured=" + provider.URL + "/ discovered=" + provider.URL + "\n",
		down.URL: `level=WARN msg="the sign-in provider could not be reached" setting=public.oidc.issuer configured=` + down.URL,
	} {
		p := newPlace(t)
		file := p.file(t, false, "")
		oidc := `"http://relay.test", oidc: {issuer: "` + issuer + `", client_id: x, client_secret: y}}`
		text := strings.Replace(read(t, file), `"http://relay.test"}`, oidc, 1)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		r := p.start(t, file)
		require.Eventually(t, func() bool { return strings.Contains(r.log.String(), logged) }, hangLimit, 10*time.Millisecond,
			"%s", r.log)
		resp, err := http.Get(r.operator + "/readyz")
		require.NoError(t, err)
		detail, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.Equal(t, issuer != down.URL, strings.Contains(string(detail), "nobody can sign in: "), "%s", detail)
		require.NoError(t, r.stop())
	}
}
