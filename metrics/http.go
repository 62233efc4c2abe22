package metrics

import (
	"net/http"
	"strconv"
	"time"
)

// Instrument counts the requests that next answers, by the pattern of its
// ServeMux.
func (m *Metrics) Instrument(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		status := &statusWriter{ResponseWriter: w}
		ended := false
		defer func() {
			if !ended { // a panic: net/http closes the connection
				status.code = http.StatusInternalServerError
			}
			m.HTTP(r.Pattern, status.code, time.Since(began))
		}()
		next.ServeHTTP(status, r)
		ended = true
	})
}

// HTTP counts an HTTP request that was answered; code 0 is 200.
func (m *Metrics) HTTP(route string, code int, took time.Duration) {
	if code == 0 {
		code = http.StatusOK
	}
	m.httpRequests.inc(route, strconv.Itoa(code/100)+"xx")
	m.requestSeconds.since(took, route)
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	code int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(code int) {
	if w.code == 0 && code >= 200 {
		w.code = code
	}
	w.ResponseWriter.WriteHeader(code)
}

// Unwrap lets http.ResponseController reach the writer beneath.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
