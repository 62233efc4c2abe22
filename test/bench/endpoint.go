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

// endpoint is the world outside of the worker, on loopback: the webhook that
// approvers are told by, and the URL that answers go to. It tells each client
// when its own came.
type endpoint struct {
	server *http.Server
	url    string
	hooked []chan time.Time // by client
	called []chan time.Time
}

func startEndpoint(clients int) (*endpoint, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	e := &endpoint{url: "http://" + l.Addr().String()}
	for range clients {
		e.hooked, e.called = append(e.hooked, make(chan time.Time, 1)), append(e.called, make(chan time.Time, 1))
	}
	e.server = &http.Server{Handler: e, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = e.server.Serve(l) }()
	return e, nil
}

func (e *endpoint) stop() { _ = e.server.Close() }

// clientMark stands before the number of a client in an order's ID.
const clientMark = `"orderId":"c-`

// ServeHTTP takes a notification, /hook, or an answer, /called/CLIENT.
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	body, _ := io.ReadAll(r.Body)
	w.WriteHeader(http.StatusNoContent)
	to, digits := e.hooked, ""
	if client, ok := strings.CutPrefix(r.URL.Path, "/called/"); ok {
		to, digits = e.called, client
	} else if _, marked, ok := bytes.Cut(body, []byte(clientMark)); ok {
		rest, _, _ := bytes.Cut(marked, []byte("-"))
		digits = string(rest)
	}
	if n, err := strconv.Atoi(digits); err == nil && n < len(to) {
		select {
		case to[n] <- now:
		default: // nobody waits
		}
	}
}
