package api

import (
	"log"
	"net/http"
	"time"
)

// NewServer returns an HTTP server that bounds the time and the headers of every
// client, so that slow clients cannot hold its connections. Its faults, and connections that fail, go to the log.
func NewServer(h http.Handler, log *log.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ErrorLog:          log,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second, // headers and body
		WriteTimeout:      45 * time.Second, // longer than the handling of a message may take
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
}
