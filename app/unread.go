package app

import (
	"context"
	"net"
	"net/http"
	"sync"

	"github.com/approval-relay/approval-relay/refusal"
)

// unreadRequests notices requests that net/http refuses by itself, before any of our handlers: with 431 for headers that
// are too large, with 400 for what is not HTTP, and without an answer if the headers do not arrive in time. Browsers with
// many cookies get a 431, for example, and nobody would learn why.
type unreadRequests struct {
	source   string
	refusals refusal.Recorder
	begun    sync.Map // of net.Conn: something of a request has arrived, and no handler has it yet
}

type unreadKey struct{}

// attach makes the server report such requests.
func (u *unreadRequests) attach(server *http.Server) {
	next := server.Handler
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.begun.Delete(r.Context().Value(unreadKey{}))
		next.ServeHTTP(w, r)
	})
	server.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(ctx, unreadKey{}, conn)
	}
	server.ConnState = u.observe
}

// observe is called when the state of a connection has changed. A connection becomes active with the first bytes of a
// request, before its handler is called.
func (u *unreadRequests) observe(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateActive:
		u.begun.Store(conn, nil)
	case http.StateClosed:
		if _, unread := u.begun.LoadAndDelete(conn); unread {
			u.refusals.RecordRefusal(context.Background(), refusal.Refusal{
				Source: u.source,
				Code:   refusal.Incomplete,
				Field:  "headers",
				Detail: "no request could be read: its headers are larger than 16 KiB, are not HTTP/1.1, or did not arrive in time",
				Remote: remoteText(conn.RemoteAddr().String()),
			})
		}
	}
}
