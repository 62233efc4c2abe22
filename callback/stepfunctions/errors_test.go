package stepfunctions_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback/stepfunctions"
	"github.com/approval-relay/approval-relay/outbound"
)

func fail(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("X-Amzn-Errortype", code)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": "com.amazonaws.swf.base.model#" + code, "message": message})
}

// checkOutcome delivers with the target and checks the outcome.
func checkOutcome(t *testing.T, name string, target *stepfunctions.Target, want approval.ResultKind, maybeApplied bool) {
	t.Helper()
	err := target.Deliver(t.Context(), approved())
	r := approval.ResultOf(err)
	if r.Kind != want || r.MaybeApplied != maybeApplied {
		t.Errorf("%s: %s, maybe applied %v: %v", name, r.Kind, r.MaybeApplied, err)
	}
	for _, secret := range []string{secretToken, "ann@example.com", "verysecretkey", "http://"} {
		if err != nil && strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, r), secret) {
			t.Errorf("%s: the error holds %q: %v", name, secret, err)
		}
	}
}

func TestDeliverReadsErrorCodes(t *testing.T) {
	t.Parallel()
	const closed, refused, failed = approval.ResultClosed, approval.ResultRefused, approval.ResultFailed
	for _, c := range []struct {
		status int
		code   string
		want   approval.ResultKind
		maybe  bool
	}{
		{400, "TaskTimedOut", closed, false},
		{400, "TaskDoesNotExist", closed, false},
		{400, "InvalidToken", refused, false}, // a wrong region: somebody may wait for it elsewhere
		{400, "InvalidOutput", refused, false},
		{400, "ValidationException", refused, false},
		{400, "SerializationException", refused, false},
		{400, "ThrottlingException", failed, false},
		{503, "ThrottlingException", failed, false},
		{400, "KmsThrottlingException", failed, false},
		{429, "Whatever", failed, false},
		{400, "KmsAccessDeniedException", failed, false},
		{400, "KmsInvalidStateException", failed, false},
		{400, "AccessDeniedException", failed, false},
		{400, "ExpiredTokenException", failed, false},
		{400, "UnrecognizedClientException", failed, false},
		{403, "InvalidSignatureException", failed, false},
		{403, "RequestExpired", failed, false},
		{404, "UnknownOperationException", failed, false},
		{408, "RequestTimeout", failed, true},
		{500, "InternalFailure", failed, true},
		{500, "InternalServerError", failed, true},
		{503, "ServiceUnavailable", failed, true},
	} {
		// A ValidationException quotes the invalid value, which may be the token.
		api, calls := serve(t, func(w http.ResponseWriter, got call) {
			fail(w, c.status, c.code, "value '"+got.TaskToken+"' by ann@example.com at http://x")
		})
		name := fmt.Sprint(c.status, " ", c.code)
		target := stepfunctions.NewTarget(api, stepfunctions.Config{Limits: unlimited()})
		checkOutcome(t, name, target, c.want, c.maybe)
		if calls.Load() != 1 {
			t.Errorf("%s: %d attempts", name, calls.Load())
		}
		if err := target.Heartbeat(t.Context(), approved()); approval.ResultOf(err).Kind != c.want {
			t.Errorf("%s: heartbeat: %v", name, err)
		}
		if err := target.Deliver(t.Context(), approved()); outbound.IsEndpointFailure(err) != c.maybe {
			t.Errorf("%s: down: %t", name, outbound.IsEndpointFailure(err))
		}
		if err := target.Deliver(t.Context(), approved()); !strings.Contains(err.Error(), c.code) ||
			!strings.Contains(err.Error(), "req-1") {
			t.Errorf("%s: the error does not name the code and the request: %v", name, err)
		}
	}
}

func raw(status int, body string) func(http.ResponseWriter, call) {
	return func(w http.ResponseWriter, got call) {
		w.Header().Del("X-Amzn-Requestid")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, strings.ReplaceAll(body, "TOKEN", got.TaskToken))
	}
}

// hangUp closes the connection without a response.
func hangUp(w http.ResponseWriter, _ call) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

func TestDeliverWithoutReadableResponse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, call)
		maybe  bool
	}{
		"the reply is lost":         {hangUp, true},
		"a 200 that is HTML":        {raw(200, "<html>TOKEN</html>"), true},
		"a 200 that is cut":         {raw(200, `{"a":"TOKEN`), true},
		"a 502 of a proxy":          {raw(502, "<html>TOKEN</html>"), true},
		"a 403 of a proxy":          {raw(403, "<html>TOKEN</html>"), false},
		"a code that is no code":    {raw(400, `{"__type":"x TOKEN y","message":"TOKEN"}`), false},
		"an answer that is no HTTP": {garbage, true},
	} {
		api, _ := serve(t, c.answer)
		target := stepfunctions.NewTarget(api, stepfunctions.Config{Limits: unlimited()})
		checkOutcome(t, name, target, approval.ResultFailed, c.maybe)
		if err := target.Deliver(t.Context(), approved()); outbound.IsEndpointFailure(err) != c.maybe {
			t.Errorf("%s: down: %t", name, outbound.IsEndpointFailure(err))
		}
	}
}

func garbage(w http.ResponseWriter, got call) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_, _ = io.WriteString(conn, "XTTP/9 "+got.TaskToken+"\r\n\r\n")
		_ = conn.Close()
	}
}

func TestDeliverEndsWithItsTimeout(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	api, calls := serve(t, func(http.ResponseWriter, call) { <-release })
	defer close(release)
	target := stepfunctions.NewTarget(api,
		stepfunctions.Config{Limits: unlimited(), Timeout: 4 * time.Second}) // longer than a busy machine takes to connect
	checkOutcome(t, "slow", target, approval.ResultFailed, true)
	if err := target.Deliver(t.Context(), approved()); !errors.Is(err, context.DeadlineExceeded) || calls.Load() != 2 {
		t.Errorf("%v after %d calls", err, calls.Load())
	}
}

func TestDeliverSurelyNotSent(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + l.Addr().String()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, never a TLS handshake
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	_ = l.Close()
	noCredentials := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("sts says: verysecretkey")
	})
	for name, api := range map[string]stepfunctions.API{
		"connection refused": client(closed, nil),
		"no such host":       client("http://no-such-host.invalid", nil),
		"no credentials":     client(closed, noCredentials),
		"no TLS":             client("https://"+silent.Addr().String(), nil),
	} {
		target := stepfunctions.NewTarget(api, stepfunctions.Config{Limits: unlimited(), Timeout: 300 * time.Millisecond})
		checkOutcome(t, name, target, approval.ResultFailed, false)
		if err := target.Deliver(t.Context(), approved()); !outbound.IsEndpointFailure(err) {
			t.Errorf("%s: it is not down", name)
		}
	}
}

// With a client that is not the SDK's, it is unknown whether the request was sent.
func TestDeliverThroughAnotherClient(t *testing.T) {
	t.Parallel()
	checkOutcome(t, "fake", stepfunctions.NewTarget(fake{errors.New("token " + secretToken)},
		stepfunctions.Config{Limits: unlimited()}), approval.ResultFailed, true)
}

type fake struct{ err error }

func (f fake) SendTaskSuccess(context.Context, *sfn.SendTaskSuccessInput,
	...func(*sfn.Options)) (*sfn.SendTaskSuccessOutput, error) {
	return nil, f.err
}

func (f fake) SendTaskFailure(context.Context, *sfn.SendTaskFailureInput,
	...func(*sfn.Options)) (*sfn.SendTaskFailureOutput, error) {
	return nil, f.err
}

func (f fake) SendTaskHeartbeat(context.Context, *sfn.SendTaskHeartbeatInput,
	...func(*sfn.Options)) (*sfn.SendTaskHeartbeatOutput, error) {
	return nil, f.err
}
