package api

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// health reports whether the process should be left running.
func (e *Endpoints) health() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { writeProbe(w, e.Healthy()) })
}

// readyTimeout bounds a readiness check: a store that hangs is not ready.
const readyTimeout = 3 * time.Second

// readiness reports whether the process can take traffic.
func (e *Endpoints) readiness() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		err := e.Ready(ctx)
		var detail []string
		if err == nil && e.ReadyDetail != nil {
			detail = e.ReadyDetail()
		}
		writeProbe(w, err, detail...)
	})
}

func (e *Endpoints) metrics() http.Handler { return e.Metrics }

// writeProbe answers a probe in plain text.
func writeProbe(w http.ResponseWriter, err error, detail ...string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(err.Error() + "\n"))
		return
	}
	_, _ = w.Write([]byte(strings.Join(append([]string{"ok"}, detail...), "\n") + "\n"))
}
