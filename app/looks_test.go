package app

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// tinyLogo is a picture of one pixel.
const tinyLogo = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="

// A reload takes the looks of the organisation. Pages without an approval show them too, in the language of the browser.
func TestReloadTakesLooks(t *testing.T) {
	t.Parallel()
	r := startReloadedApp(t, "workflows: {orders: {}}\n")
	page := func(path, acceptLanguage string) (*http.Response, string) {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		req.Header.Set("Accept-Language", acceptLanguage)
		w := httptest.NewRecorder()
		r.servePublic(w, req)
		body, err := io.ReadAll(w.Result().Body)
		require.NoError(t, err)
		return w.Result(), string(body)
	}
	_, before := page("/a/no-link", "fr, de-AT;q=0.8, en;q=0.7")
	require.Contains(t, before, `lang="de-AT"`)
	require.NotContains(t, before, "Muster GmbH")

	r.rewrite(t, "workflows: {orders: {}}\norganisation: {name: Muster GmbH, support: hilfe@example.com, "+
		"colors: {accent: '#8a1538'}, logo: '"+tinyLogo+"'}\n")
	require.NoError(t, r.reloadNow(t))
	answer, after := page("/a/no-link", "de")
	require.Contains(t, after, "Muster GmbH")
	require.Contains(t, after, `href="mailto:hilfe@example.com"`)
	require.Contains(t, after, "--go: #8a1538")
	require.Contains(t, answer.Header.Get("Content-Security-Policy"), "img-src 'self'")
	name := r.rules.Load().config.Compiled.Logo.Name()
	require.Contains(t, after, name)
	logo, _ := page("/assets/"+name, "")
	require.Equal(t, http.StatusOK, logo.StatusCode)
	require.Equal(t, "image/png", logo.Header.Get("Content-Type"))
}
