package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// raw sends bytes to an address and returns all of the answer.
func raw(t *testing.T, address string, parts ...string) string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for _, part := range parts {
		if _, err := conn.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	answer, err := io.ReadAll(conn)
	if err != nil && len(answer) == 0 {
		t.Fatal(err)
	}
	return string(answer)
}

// Senders and proxies speak every dialect of HTTP/1. What cannot work is answered at once and never hangs.
func TestDialectsOfHTTP(t *testing.T) {
	r := startSenders(t)
	host := strings.TrimPrefix(r.public, "http://")
	body := func(id string) string {
		return fmt.Sprintf(`{"orderId":"D-1","decision":"approve","decisionId":%q}`, id)
	}
	head := func(version, more string) string {
		return fmt.Sprintf("POST /webhooks/token HTTP/%s\r\nHost: %s\r\nAuthorization: Bearer %s\r\n%s\r\n", version, host, crmSecret, more)
	}
	length := fmt.Sprintf("Content-Length: %d\r\n", len(body("id-0")))
	chunks := func(text string) string {
		return fmt.Sprintf("%x\r\n%s\r\n%x;extension=1\r\n%s\r\n0\r\n", 5, text[:5], len(text)-5, text[5:])
	}
	for name, request := range map[string]string{
		"1.1":          head("1.1", length+"Connection: close\r\n") + body("id-1"),
		"1.0":          head("1.0", length) + body("id-2"),
		"no length":    head("1.1", "Transfer-Encoding: chunked\r\nConnection: close\r\n") + chunks(body("id-3")) + "\r\n",
		"trailers":     head("1.1", "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\nConnection: close\r\n") + chunks(body("id-4")) + "X-Sum: 1\r\n\r\n",
		"LF only":      strings.ReplaceAll(head("1.1", length+"Connection: close\r\n"), "\r\n", "\n") + body("id-5"),
		"18 kB":        head("1.1", length+"Connection: close\r\nX-Amzn-Oidc-Data: "+strings.Repeat("x", 18<<10)+"\r\n") + body("id-6"),
		"100-continue": head("1.1", length+"Expect: 100-continue\r\nConnection: close\r\n") + body("id-7"),
	} {
		answer := strings.TrimPrefix(raw(t, r.public, request), "HTTP/1.1 100 Continue\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), nil)
		if err != nil || resp.StatusCode != http.StatusAccepted && resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %.300q", name, answer)
			continue
		}
		_ = resp.Body.Close()
	}
	for name, c := range map[string]struct{ request, want string }{
		"40 kB of headers":   {head("1.1", length+"X-Large: "+strings.Repeat("x", 40<<10)+"\r\n") + body("id-8"), "HTTP/1.1 431 "},
		"h2c":                {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 4"},
		"two lengths":        {head("1.1", "Content-Length: 5\r\n"+length) + body("id-9"), "HTTP/1.1 400 "},
		"length and chunked": {head("1.1", "Content-Length: x\r\nConnection: close\r\n") + body("id-9"), "HTTP/1.1 400 "},
		"another coding":     {head("1.1", "Transfer-Encoding: gzip\r\nConnection: close\r\n") + body("id-9"), "HTTP/1.1 501 "},
		"no host":            {"POST /webhooks/token HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
	} {
		if answer := raw(t, r.public, c.request); !strings.HasPrefix(answer, c.want) {
			t.Errorf("%s: %.200q, want %s", name, answer, c.want)
		}
	}
	if verdicts := r.verdict(t, "D-1", "id-3", 0); verdicts != "waiting" {
		t.Errorf("the chunked decision is %s", verdicts)
	}
}
