package app

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// A person who opens a link that was changed on its way gets a page in the language of the browser, with the contact of
// the organisation: also a slash at the end, no token, no path, and a mark of the sentence around it.
func TestMangledLinksGetAPage(t *testing.T) {
	t.Parallel()
	r := startReloadedApp(t, `
organisation: {name: Example Energy, support: help@example.com}
workflows: {orders: {notify: []}}
`)
	public := r.rules.Load().public
	for _, path := range []string{
		"/", "/a", "/a/", "/a/AAECAwQFBgcICQ", "/a/AAECAwQFBgcICQ/", "/a/AAECAwQFBgcICQ.", "/a/AAECAwQFBgcICQ%3E", "/a/x/y", "//a/x",
		"/a/AAECAwQFBgcICQ?utm_source=mail", "/signin/", "/console/nothing",
	} {
		for tag, heading := range map[string]string{"en": "This link is not valid", "de": "Dieser Link ist nicht gültig"} {
			req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://example.com"+path, nil)
			req.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
			req.Header.Set("Accept-Language", tag)
			rec := httptest.NewRecorder()
			public.ServeHTTP(rec, req)
			require.Equal(t, http.StatusNotFound, rec.Code, path)
			require.Equal(t, "text/html; charset=utf-8", rec.Header().Get("Content-Type"), path)
			for _, want := range []string{heading, "Example Energy", "mailto:help@example.com", `lang="` + tag + `"`} {
				require.Contains(t, rec.Body.String(), want, path)
			}
		}
	}
}
