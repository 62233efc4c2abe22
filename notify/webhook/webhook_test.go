package webhook_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/notifytest"
	"github.com/approval-relay/approval-relay/notify/post"
	"github.com/approval-relay/approval-relay/notify/webhook"
	"github.com/approval-relay/approval-relay/secret"
)

var update = flag.Bool("update", false, "write the golden files anew")

var now = time.Date(2026, 3, 2, 9, 31, 0, 0, time.UTC)

const signingKey = "signing-s3cret"

// signer signs in a way that the tests can check.
type signer struct{ key string }

func (s signer) Sign(id string, now time.Time, body []byte) http.Header {
	sum := sha256.Sum256([]byte(s.key + id + now.UTC().Format(time.RFC3339) + string(body)))
	return http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {now.UTC().Format(time.RFC3339)},
		"Webhook-Signature": {hex.EncodeToString(sum[:])}}
}

func open(t *testing.T, c post.Config) *webhook.Channel {
	t.Helper()
	c.Now = func() time.Time { return now }
	ch, err := webhook.NewChannel(webhook.Config{Config: c, Signer: signer{signingKey}})
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

func TestBody(t *testing.T) {
	t.Parallel()
	reminder := notifytest.NewMessage()
	reminder.Kind, reminder.Details, reminder.Step, reminder.Attempt = approval.NotifyReminder, nil, "", 3
	for name, m := range map[string]approval.Message{"good_request": notifytest.NewMessage(), "good_reminder": reminder} {
		var got *http.Request
		var body []byte
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			got = r
			body, _ = io.ReadAll(r.Body)
		}))
		defer server.Close()
		if err := open(t, post.Config{URL: secret.New(server.URL + "/hook?key=1"),
			AllowInternal: true}).Notify(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		for header, values := range (signer{signingKey}).Sign(m.ID, now, body) {
			if got.Header.Get(header) != values[0] {
				t.Errorf("%s: header %s is %q, want %q", name, header, got.Header.Get(header), values[0])
			}
		}
		if got.Method != http.MethodPost || got.Header.Get("Content-Type") != "application/json" ||
			got.URL.String() != "/hook?key=1" {
			t.Errorf("%s: %s %s %v", name, got.Method, got.URL, got.Header)
		}
		golden(t, name+".json", body)
	}
}

func golden(t *testing.T, name string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, body, "", "  "); err != nil {
		t.Fatal(err)
	}
	b.WriteByte('\n')
	if *update {
		if err := os.WriteFile("testdata/"+name, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("%s:\n%s", name, b.String())
	}
}

func TestSameBodyForEveryAttempt(t *testing.T) {
	t.Parallel()
	var bodies []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		bodies = append(bodies, r.Header.Get("Webhook-Id")+string(b))
	}))
	defer server.Close()
	ch := open(t, post.Config{URL: secret.New(server.URL), AllowInternal: true})
	for attempt := 1; attempt <= 2; attempt++ {
		m := notifytest.NewMessage()
		m.Attempt = attempt
		if err := ch.Notify(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if bodies[0] != bodies[1] {
		t.Errorf("%s\n%s", bodies[0], bodies[1])
	}
}

func TestStatus(t *testing.T) {
	type want struct {
		kind  approval.ResultKind
		after time.Duration
		maybe bool
	}
	for _, c := range []struct {
		status int
		after  string
		want
	}{
		{200, "", want{kind: approval.ResultOK}},
		{202, "", want{kind: approval.ResultOK}},
		{204, "", want{kind: approval.ResultOK}},
		{301, "", want{kind: approval.ResultRefused}}, {307, "", want{kind: approval.ResultRefused}},
		{400, "", want{kind: approval.ResultRefused}}, {401, "", want{kind: approval.ResultRefused}},
		{404, "", want{kind: approval.ResultRefused}},
		{409, "", want{kind: approval.ResultRefused}},
		{410, "60", want{kind: approval.ResultRefused, after: 0}},
		{408, "", want{kind: approval.ResultFailed}}, {425, "", want{kind: approval.ResultFailed}},
		{429, "120", want{approval.ResultFailed, 2 * time.Minute, false}},
		{429, "never", want{kind: approval.ResultFailed}}, {429, "-1", want{kind: approval.ResultFailed}},
		{500, "", want{approval.ResultFailed, 0, true}}, {502, "", want{approval.ResultFailed, 0, true}},
		{503, "30", want{approval.ResultFailed, 30 * time.Second, true}},
		{503, now.Add(time.Minute).Format(http.TimeFormat), want{approval.ResultFailed, time.Minute, true}},
		{503, now.Add(-time.Hour).Format(http.TimeFormat), want{approval.ResultFailed, 0, true}},
		{503, "999999999", want{approval.ResultFailed, approval.MaxRetryAfter, true}},
	} {
		var calls atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			b, _ := io.ReadAll(r.Body)
			w.Header().Set("Location", "/elsewhere?"+notifytest.Link)
			w.Header().Set("Retry-After", c.after)
			w.WriteHeader(c.status)
			if c.status != http.StatusNoContent {
				_, _ = w.Write(b) // an echo of the link
			}
		}))
		url := strings.Replace(server.URL, "http://", "http://user:pa55word@", 1) + "/hook/s3cret-path?key=s3cret-query"
		r := approval.ResultOf(notifytest.NoLeaks(t, open(t, post.Config{URL: secret.New(url), AllowInternal: true}),
			"pa55word", "s3cret-path", "s3cret-query", signingKey))
		server.Close()
		if got := (want{r.Kind, r.After, r.MaybeApplied}); got != c.want || calls.Load() != 1 {
			t.Errorf("%d %q: %+v after %d calls, want %+v: %s", c.status, c.after, got, calls.Load(), c.want, r.Reason)
		}
	}
}

func TestNoAnswer(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	for name, c := range map[string]struct {
		serve func(net.Conn)
		maybe bool
	}{
		"closed at once": {func(c net.Conn) { _ = c.Close() }, true},
		"not HTTP": {func(c net.Conn) {
			awaitRequest(c)
			_, _ = io.WriteString(c, "SSH-2.0 "+notifytest.Link+"\r\n\r\n")
			_ = c.Close()
		}, true},
		"silent": {func(c net.Conn) { <-hang; _ = c.Close() }, true},
		"endless header": {func(c net.Conn) {
			awaitRequest(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nA: ")
			<-hang
			_ = c.Close()
		}, true},
		"none": {nil, false},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		url := "http://user:pa55word@" + l.Addr().String() + "/s3cret-path"
		if c.serve == nil {
			_ = l.Close()
		} else {
			go func() {
				for conn, err := l.Accept(); err == nil; conn, err = l.Accept() {
					go c.serve(conn)
				}
			}()
		}
		// The timeout is longer than a busy machine takes to send the request.
		ch := open(t, post.Config{URL: secret.New(url), AllowInternal: true, Timeout: 2 * time.Second})
		r := approval.ResultOf(notifytest.NoLeaks(t, ch, "pa55word", "s3cret-path", signingKey))
		_ = l.Close()
		if r.Kind != approval.ResultFailed || r.MaybeApplied != c.maybe {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// awaitRequest waits for the first byte of the request.
func awaitRequest(c net.Conn) { _, _ = c.Read(make([]byte, 1)) }

func TestEndlessResponse(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	if err := open(t, post.Config{URL: secret.New(server.URL), AllowInternal: true}).Notify(t.Context(),
		notifytest.NewMessage()); err != nil {
		t.Error(err)
	}
}

func TestUntrustedCertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	r := approval.ResultOf(notifytest.NoLeaks(t,
		open(t, post.Config{URL: secret.New(server.URL + "/s3cret-path"), AllowInternal: true}), "s3cret-path"))
	if r.Kind != approval.ResultFailed || r.MaybeApplied || !strings.Contains(r.Reason, "certificate") {
		t.Errorf("%+v", r)
	}
}

// An internal address is called only if the configuration allows it. The attempt is retried, because the operator can
// allow it.
func TestInternalAddress(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("an internal address was called")
	}))
	defer server.Close()
	r := approval.ResultOf(notifytest.NoLeaks(t, open(t, post.Config{URL: secret.New(server.URL + "/s3cret-path")}),
		"s3cret-path"))
	if r.Kind != approval.ResultFailed || r.MaybeApplied || !strings.Contains(r.Reason, "not allowed") {
		t.Errorf("%+v", r)
	}
}

func TestNewNamesFaults(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "hook", "/hook", "ftp://example.com/", "https://",
		"https://user:pa55word@exa mple.com/", "mailto:a@example.com"} {
		_, err := webhook.NewChannel(webhook.Config{Config: post.Config{URL: secret.New(url)}})
		if err == nil {
			t.Errorf("%q is accepted", url)
			continue
		}
		for _, field := range []string{"url: ", "secrets: "} {
			if !strings.Contains(err.Error(), field) || strings.Contains(err.Error(), "pa55word") {
				t.Errorf("%q: %v", url, err)
			}
		}
	}
}

func TestErrorsUnwrap(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	var op *net.OpError
	if err := open(t, post.Config{URL: secret.New("http://" + l.Addr().String()),
		AllowInternal: true}).Notify(t.Context(), notifytest.NewMessage()); !errors.As(err, &op) {
		t.Errorf("got %#v", err)
	}
}
