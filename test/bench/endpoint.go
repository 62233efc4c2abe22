package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// endpoint receives on loopback all that the worker sends: notifications at the webhook, and answers at the callback
// URL. It passes the time of each to the client that waits for it.
type endpoint struct {
	server   *http.Server
	url      string
	notified []chan time.Time // by client
	answered []chan time.Time
}

func startEndpoint(clients int) (*endpoint, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	e := &endpoint{url: "http://" + l.Addr().String()}
	for range clients {
		e.notified = append(e.notified, make(chan time.Time, 1))
		e.answered = append(e.answered, make(chan time.Time, 1))
	}
	e.server = &http.Server{Handler: e, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = e.server.Serve(l) }()
	return e, nil
}

func (e *endpoint) stop() { _ = e.server.Close() }

// clientMark precedes the number of the client in the order ID.
const clientMark = `"orderId":"c-`

// ServeHTTP receives a notification at /hook, or an answer at /called/CLIENT.
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	body, _ := io.ReadAll(r.Body)
	w.WriteHeader(http.StatusNoContent)
	to, digits := e.notified, ""
	if client, ok := strings.CutPrefix(r.URL.Path, "/called/"); ok {
		to, digits = e.answered, client
	} else if _, marked, ok := bytes.Cut(body, []byte(clientMark)); ok {
		rest, _, _ := bytes.Cut(marked, []byte("-"))
		digits = string(rest)
	}
	if n, err := strconv.Atoi(digits); err == nil && n < len(to) {
		select {
		case to[n] <- now:
		default: // the client does not wait
		}
	}
}
