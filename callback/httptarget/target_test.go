package httptarget_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback/httptarget"
	"github.com/approval-relay/approval-relay/outbound"
)

var now = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return now }

// private is a configuration that reaches the servers of the test.
func private() httptarget.Config {
	return httptarget.Config{Settings: httptarget.Settings{AllowHTTP: true, AllowInternal: true}, Now: clock}
}

func answer(url string) approval.Answer {
	return approval.Answer{
		OrderID: "order-4711", ApprovalID: "0123456789abcdef0123456789abcdef", Token: approval.NewToken(url),
		Status: approval.Rejected, ClosedAt: now,
		Votes: []approval.Vote{{
			DecisionID: "d-1",
			Outcome:    approval.Reject,
			By:         "ann@example.com",
			Comment:    "no",
			At:         now,
		}},
	}
}

type signer struct{}

func (signer) Sign(id string, now time.Time, body []byte) http.Header {
	return http.Header{
		"webhook-id":        {id},
		"webhook-timestamp": {fmt.Sprint(now.Unix())},
		"webhook-signature": {fmt.Sprintf("v1,%t", len(body) > 0)},
	}
}

func TestDeliverPostsTheAnswer(t *testing.T) {
	t.Parallel()
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var head bytes.Buffer
		r.Header.Del("Accept-Encoding")
		_ = r.Header.Write(&head)
		headers := strings.ReplaceAll(head.String(), "\r\n", "\n")
		got = r.Method + " " + r.RequestURI + "\n" + headers + "\n" + string(body) + "\n"
		got = regexp.MustCompile(`Content-Length: \d+\n`).ReplaceAllString(got, "") // the port has four or five digits
		got = regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(got, "receiver.example.com")
	}))
	defer server.Close()
	c := private()
	c.Signer = signer{}
	if err := httptarget.NewTarget(c).Deliver(t.Context(), answer(server.URL+"/cb/s3cret?k=v")); err != nil {
		t.Fatal(err)
	}
	const path = "testdata/good_request.txt"
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(path); err != nil || string(want) != got {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
}

func TestDeliverReadsTheStatus(t *testing.T) {
	t.Parallel()
	const ok, closed, refused, failed = approval.ResultOK, approval.ResultClosed, approval.ResultRefused, approval.ResultFailed
	date := now.Add(90 * time.Second).Format(http.TimeFormat)
	past := now.Add(-time.Hour).Format(http.TimeFormat)
	for _, c := range []struct {
		status     int
		retryAfter string
		want       approval.Result
	}{
		{200, "", approval.Result{Kind: ok}},
		{202, "", approval.Result{Kind: ok}},
		{204, "", approval.Result{Kind: ok}},
		{301, "", approval.Result{Kind: refused}},
		{304, "", approval.Result{Kind: refused}},
		{307, "", approval.Result{Kind: refused}},
		{400, "", approval.Result{Kind: refused}},
		{401, "5", approval.Result{Kind: failed, RefusalLimit: 10 * time.Minute}},
		{403, "", approval.Result{Kind: failed, RefusalLimit: 10 * time.Minute}},
		{404, "", approval.Result{Kind: failed, RefusalLimit: 10 * time.Minute}},
		{405, "", approval.Result{Kind: failed, RefusalLimit: 10 * time.Minute}},
		{408, "", approval.Result{Kind: failed}},
		{409, "", approval.Result{Kind: closed}},
		{410, "", approval.Result{Kind: closed}},
		{413, "", approval.Result{Kind: refused}},
		{422, "", approval.Result{Kind: refused}},
		{425, "", approval.Result{Kind: failed}},
		{429, "7", approval.Result{Kind: failed, After: 7 * time.Second}},
		{429, date, approval.Result{Kind: failed, After: 90 * time.Second}},
		{429, past, approval.Result{Kind: failed}},
		{429, "-3", approval.Result{Kind: failed}},
		{429, "soon", approval.Result{Kind: failed}},
		{429, "99999999", approval.Result{Kind: failed, After: approval.MaxRetryAfter}},
		{429, "99999999999999999999", approval.Result{Kind: failed}},
		{500, "", approval.Result{Kind: failed, MaybeApplied: true}},
		{502, "", approval.Result{Kind: failed, MaybeApplied: true}},
		{503, "30", approval.Result{Kind: failed, MaybeApplied: true, After: 30 * time.Second}},
		{504, "", approval.Result{Kind: failed, MaybeApplied: true}},
		{599, "", approval.Result{Kind: failed, MaybeApplied: true}},
	} {
		var calls atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			w.Header().Set("Retry-After", c.retryAfter)
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, r.RequestURI)
		}))
		err := httptarget.NewTarget(private()).Deliver(t.Context(), answer(server.URL+"/s3cret"))
		server.Close()
		got := approval.ResultOf(err)
		checkText(t, err)
		if err != nil && !strings.Contains(err.Error(), fmt.Sprint(c.status)) {
			t.Errorf("the status is not in %v", err)
		}
		code := approval.HTTPReasonCode(c.status)
		if got.Kind == approval.ResultClosed {
			code = approval.ReasonTaskClosed
		}
		if err != nil && got.ReasonCode != code {
			t.Errorf("%d: the reason code is %q, not %q", c.status, got.ReasonCode, code)
		}
		got.Reason, got.ReasonCode = "", ""
		if outbound.IsEndpointFailure(err) != (c.status >= 500) {
			t.Errorf("%d: down: %t", c.status, outbound.IsEndpointFailure(err))
		}
		if got != c.want || calls.Load() != 1 {
			t.Errorf("%d, Retry-After %q: %+v after %d calls", c.status, c.retryAfter, got, calls.Load())
		}
	}
}

// checkText checks that an error contains nothing of the request.
func checkText(t *testing.T, err error) {
	t.Helper()
	for _, secret := range []string{"s3cret", "http://", "https://", "ann@example.com"} {
		if err != nil && strings.Contains(fmt.Sprintf("%v %+v", err, approval.ResultOf(err)), secret) {
			t.Errorf("the error holds %q: %v", secret, err)
		}
	}
}

func TestDeliverWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		switch r.URL.Path {
		case "/s3cret/slow":
			<-release
		case "/s3cret/lost", "/s3cret/garbage":
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			if r.URL.Path == "/s3cret/garbage" {
				_, _ = io.WriteString(conn, "XTTP s3cret\r\n\r\n")
			}
			_ = conn.Close()
		}
	}))
	defer server.Close()
	defer close(release)
	c := private()
	c.Timeout = 4 * time.Second // longer than a busy machine takes to connect
	target := httptarget.NewTarget(c)
	// On a connection that was used before, net/http would send the request again.
	if err := target.Deliver(t.Context(), answer(server.URL+"/s3cret/ok")); err != nil {
		t.Fatal(err)
	}
	for i, path := range []string{"lost", "garbage", "slow"} {
		err := target.Deliver(t.Context(), answer(server.URL+"/s3cret/"+path))
		checkText(t, err)
		if r := approval.ResultOf(err); r.Kind != approval.ResultFailed || !r.MaybeApplied ||
			!outbound.IsEndpointFailure(err) {
			t.Errorf("%s: %+v", path, r)
		}
		if path == "slow" && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("slow: %v", err)
		}
		if calls.Load() != int32(i+2) {
			t.Errorf("%s: %d calls", path, calls.Load())
		}
		if err := target.Deliver(t.Context(), answer(server.URL+"/s3cret/ok")); err != nil {
			t.Fatal(err)
		}
		calls.Add(-1)
	}
}

func TestDeliverSurelyNotSent(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	unknownCA := httptest.NewTLSServer(http.NotFoundHandler())
	unknownCA.Config.ErrorLog = nil
	defer unknownCA.Close()
	for name, url := range map[string]string{
		"refused":    "http://" + l.Addr().String() + "/s3cret",
		"no host":    "http://no-such-host.invalid/s3cret",
		"unknown CA": unknownCA.URL + "/s3cret",
	} {
		err := httptarget.NewTarget(private()).Deliver(t.Context(), answer(url))
		checkText(t, err)
		if r := approval.ResultOf(err); r.Kind != approval.ResultFailed || r.MaybeApplied ||
			!outbound.IsEndpointFailure(err) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestDeliverOverTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	c := httptarget.Config{Settings: httptarget.Settings{AllowInternal: true}, RootCAs: x509.NewCertPool()}
	c.RootCAs.AddCert(server.Certificate())
	if err := httptarget.NewTarget(c).Deliver(t.Context(), answer(server.URL)); err != nil {
		t.Error(err)
	}
}

// An endless response neither delays the attempt nor fills the memory.
func TestDeliverReadsABoundedResponse(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 32<<10)); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	c := private()
	c.Timeout = 30 * time.Second
	began := time.Now()
	err := httptarget.NewTarget(c).Deliver(t.Context(), answer(server.URL))
	if err != nil || time.Since(began) > 15*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

func TestDeliverRefusesInvalidAnswers(t *testing.T) {
	t.Parallel()
	target := httptarget.NewTarget(private())
	pending, long := answer("http://127.0.0.1:1/"), answer("http://127.0.0.1:1/")
	pending.Status = approval.Pending
	long.Output = map[string]any{"x": strings.Repeat("x", httptarget.MaxBody)}
	for name, a := range map[string]approval.Answer{"pending": pending, "too long": long, "no URL": answer("")} {
		if err := target.Deliver(t.Context(), a); !approval.IsPermanent(err) {
			t.Errorf("%s: %v", name, err)
		}
		if err := target.ValidateAnswer(a); !approval.IsPermanent(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := target.ValidateAnswer(answer("http://127.0.0.1:1/")); err != nil {
		t.Error(err)
	}
}

func TestBodyIsJSONWithTheErrorsName(t *testing.T) {
	t.Parallel()
	var body map[string]any
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_ = json.NewDecoder(r.Body).Decode(&body)
	}))
	defer server.Close()
	a := answer(server.URL)
	a.Status, a.Votes = approval.TimedOut, nil
	if err := httptarget.NewTarget(private()).Deliver(t.Context(), a); err != nil ||
		body["error"] != "ApprovalTimedOut" || body["status"] != "timed_out" {
		t.Errorf("%v: %v", err, body)
	}
}
