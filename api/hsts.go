package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/approval-relay/approval-relay/remote"
)

// demandTLS returns a handler that tells browsers to use https only from now on (RFC 6797), if they have used it. The
// subdomains of the host are not ours to decide about.
func (l Limits) demandTLS(next http.Handler) http.Handler {
	if l.HSTS < time.Second {
		return next
	}
	policy := "max-age=" + strconv.Itoa(int(l.HSTS/time.Second))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l.HTTPS || remote.IsTLS(r) {
			w.Header().Set("Strict-Transport-Security", policy)
		}
		next.ServeHTTP(w, r)
	})
}
