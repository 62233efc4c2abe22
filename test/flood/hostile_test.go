package flood

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"
)

// attacker is what a hostile connection does until the context ends or the worker closes the connection.
type attacker func(ctx context.Context, conn net.Conn)

// paths are the public routes.
func paths() []string {
	return []string{
		"/slack/interactions", "/teams/messages", "/webhooks/erp", "/webhooks/unknown", "/a/forged", "/signin/forged", "/signin/callback",
		"/healthz", "/openapi.json", "/nothing", "//",
	}
}

// attackers returns the ways to hold a connection, each on every route.
func attackers() []attacker {
	var all []attacker
	for _, path := range paths() {
		all = append(all,
			say(""),
			say("POST "+path+" HTTP/1.1\r\nHost: x\r\n"),
			say("POST "+path+" HTTP/1.1\r\nHost: x\r\nX-Fill: "+strings.Repeat("x", 15<<10)),
			say(head(path, 1<<20)),
			say(head(path, 1<<20)+strings.Repeat("x", 1<<20-1)),
			say(head(path, 64<<10)+strings.Repeat("x", 64<<10-1)),
			say("POST "+path+" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n8000\r\n"+strings.Repeat("x", 0x7fff)),
			trickle("POST "+path+" HTTP/1.1\r\nHost: x\r\nX-Slow: "),
			trickle(head(path, 1000)),
			deaf(path),
			guess(path),
		)
	}
	return all
}

// bodyAttackers returns the ways to take memory with bodies, on the routes that take some from strangers.
func bodyAttackers() []attacker {
	var all []attacker
	for _, path := range []string{"/webhooks/erp", "/slack/interactions", "/webhooks/erp"} {
		all = append(all,
			say(head(path, 1<<20)+strings.Repeat("x", 1<<20-1)),
			say(head(path, 1<<20)+strings.Repeat("x", 200<<10)),
			say(head(path, 64<<10)+strings.Repeat("x", 64<<10-1)),
		)
	}
	return all
}

func head(path string, length int) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"+
		"X-Hub-Signature-256: sha256=00\r\nContent-Length: %d\r\n\r\n", path, length)
}

// say sends a text and stalls.
func say(text string) attacker {
	return func(_ context.Context, conn net.Conn) {
		_, _ = io.WriteString(conn, text)
		_, _ = io.Copy(io.Discard, conn)
	}
}

// trickle sends a byte a second after a text.
func trickle(text string) attacker {
	return func(ctx context.Context, conn net.Conn) {
		_, err := io.WriteString(conn, text)
		for err == nil && pause(ctx, time.Second) {
			_, err = conn.Write([]byte("x"))
		}
	}
}

// deaf sends requests and does not read the answers.
func deaf(path string) attacker {
	return func(ctx context.Context, conn net.Conn) {
		_ = conn.(*net.TCPConn).SetReadBuffer(1)
		_, _ = io.WriteString(conn, strings.Repeat("GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n", 50))
		pause(ctx, time.Minute)
	}
}

// guess sends whole requests with a wrong signature.
func guess(path string) attacker {
	return func(ctx context.Context, conn net.Conn) {
		go func() { _, _ = io.Copy(io.Discard, conn) }()
		for err := error(nil); err == nil && pause(ctx, time.Second); {
			_, err = io.WriteString(conn, head(path, 2)+"{}")
		}
	}
}

// pause waits, and reports whether the context goes on.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// flood holds connections to an address until the context ends: each that the worker closes is opened again after a
// second.
type flood struct {
	opened, failed, open atomic.Int64
}

func (f *flood) start(ctx context.Context, address string, connections int, all []attacker) {
	for i := range connections {
		attack := all[i%len(all)]
		go func() {
			for first := true; first || pause(ctx, time.Second); first = false {
				f.attack(ctx, address, attack)
			}
		}()
	}
}

func (f *flood) attack(ctx context.Context, address string, attack attacker) {
	conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", address)
	if err != nil {
		f.failed.Add(1)
		return
	}
	f.opened.Add(1)
	f.open.Add(1)
	defer f.open.Add(-1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer func() { _ = conn.Close() }()
	attack(ctx, conn)
}
