package signin_test

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/signin"
	"github.com/approval-relay/approval-relay/signin/signintest"
)

var hidden = regexp.MustCompile(`name="([^"]+)" value="([^"]+)"`)

// postCallback sends the form of a provider, as a browser does: from the provider's site, so without our cookies. It
// returns the address to which the browser is sent.
func (h *site) postCallback(t *testing.T, form url.Values) (int, string) {
	t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.PostForm(h.url+"/signin/callback", form)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode, resp.Header.Get("Location")
}

// TestFormPost signs in at a provider that sends people back by a form, as Apple does if it is asked for addresses.
func TestFormPost(t *testing.T) {
	t.Parallel()
	h := newSite(t, func(c *signin.Config) {
		c.Settings.ResponseMode = "form_post"
		c.Settings.Scopes = []string{"openid", "email"}
	})
	h.provider.Sign(signintest.Samples()["Apple"], nil)
	_, page := h.get(t, h.url+"/signin/link-1")
	form := url.Values{"user": {`{"name":{"firstName":"Ann"}}`}}
	for _, m := range hidden.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], m[2])
	}
	require.NotEmpty(t, form.Get("code"))
	status, to := h.postCallback(t, form)
	require.Equal(t, http.StatusSeeOther, status)
	require.NotContains(t, to, "Ann")
	_, text := h.get(t, to)
	require.Equal(t, "ann@example.com at link-1", text)
	_, text = h.get(t, to)
	require.Contains(t, text, "Signing in took too long", "a redirect is used once")

	_, to = h.postCallback(t, url.Values{"state": {"x"}, "code": {"https://evil.example"}})
	at, err := url.Parse(to)
	require.NoError(t, err)
	require.Equal(t, h.url+"/signin/callback", at.Scheme+"://"+at.Host+at.Path, "a stranger's form leads nowhere else")
}

// TestFormPostIsAsked holds that a form is taken only where it is configured.
func TestFormPostIsAsked(t *testing.T) {
	t.Parallel()
	var refused recorder
	h := newSite(t, func(c *signin.Config) { c.Refusals = &refused })
	status, to := h.postCallback(t, url.Values{"state": {"x"}, "code": {"y"}})
	require.Equal(t, http.StatusBadRequest, status)
	require.Empty(t, to)
	require.Equal(t, "response_mode", refused[0].Field)
}
