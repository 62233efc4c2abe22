package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// receiver is an address on loopback that takes notifications, answers at callback URLs, and answers to Step Functions.
// Each call to it takes the same time, as if the place were far away.
type receiver struct {
	server   *http.Server
	url      string
	delay    atomic.Int64     // the time of a call
	opened   atomic.Int64     // connections so far
	notified []chan time.Time // by client
	answered []chan time.Time
}

func startReceiver(clients int) (*receiver, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &receiver{url: "http://" + l.Addr().String()}
	for range clients {
		r.notified = append(r.notified, make(chan time.Time, 1))
		r.answered = append(r.answered, make(chan time.Time, 1))
	}
	r.server = &http.Server{
		Handler:           r,
		ReadHeaderTimeout: 5 * time.Second,
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				r.opened.Add(1)
			}
		},
	}
	go func() { _ = r.server.Serve(l) }()
	return r, nil
}

func (r *receiver) stop() { _ = r.server.Close() }

// ServeHTTP passes the time at which a call arrived to the client that waits for it, and then takes the time of a call. So
// a client goes on while the call to its order is still under way, as people and workflows do.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	now := time.Now()
	body, _ := io.ReadAll(req.Body)
	to := r.answered
	if req.URL.Path == "/hook" {
		to = r.notified
	}
	if n, ok := clientOf(body); ok && n < len(to) {
		select {
		case to[n] <- now:
		default: // the client does not wait
		}
	}
	time.Sleep(time.Duration(r.delay.Load()))
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	_, _ = w.Write([]byte("{}"))
}

// clientOf returns the number of the client. It follows a mark in the order ID or in the task token.
func clientOf(body []byte) (int, bool) {
	_, marked, _ := bytes.Cut(body, []byte("client-"))
	digits, _, _ := bytes.Cut(marked, []byte("-"))
	n, err := strconv.Atoi(string(digits))
	return n, err == nil
}
