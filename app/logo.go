package app

import (
	"bytes"
	"net/http"
	"time"

	"github.com/approval-relay/approval-relay/organisation"
)

// logoHandler serves the logo under its name. It returns nil without a logo. The name is made of the content, so
// browsers and mail programs may keep the picture for a year. Other sites may show it, because mail programs in a browser
// do.
func logoHandler(logo *organisation.Logo) http.Handler {
	if logo == nil {
		return nil
	}
	name := logo.Name()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("name") != name {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", logo.Type)
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(logo.Bytes))
	})
}
