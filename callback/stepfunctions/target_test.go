package stepfunctions_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"golang.org/x/time/rate"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback/stepfunctions"
)

// secretToken must not appear in any error.
const secretToken = "AQCAAAAAKgAAAAMAAAAAAAAAAeyJhbGciOiJ"

// call is a request as the server saw it.
type call struct {
	Op        string
	TaskToken string  `json:"taskToken"`
	Output    *string `json:"output"`
	Error     *string `json:"error"`
	Cause     *string `json:"cause"`
}

// serve answers the API of the program over HTTP, and counts the calls.
func serve(t *testing.T, answer func(http.ResponseWriter, call)) (stepfunctions.API, *atomic.Int32) {
	t.Helper()
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		var c call
		if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
			t.Error(err)
		}
		c.Op = strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AWSStepFunctions.")
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.Header().Set("X-Amzn-Requestid", "req-1")
		answer(w, c)
	}))
	t.Cleanup(server.Close)
	return client(server.URL, nil), &calls
}

func client(url string, credentials aws.CredentialsProvider) stepfunctions.API {
	api, err := stepfunctions.NewAPI(configFor(url, credentials))
	if err != nil {
		panic(err)
	}
	return api
}

func configFor(url string, credentials aws.CredentialsProvider) aws.Config {
	if credentials == nil {
		credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "verysecretkey"}, nil
		})
	}
	return aws.Config{
		Region:           "eu-central-1",
		BaseEndpoint:     aws.String(url),
		Credentials:      credentials,
		RetryMaxAttempts: 5,
	}
}

// unlimited are rate limits that admit every call.
func unlimited() *stepfunctions.Limits {
	limit := rate.NewLimiter(rate.Inf, 1)
	return &stepfunctions.Limits{Success: limit, Failure: limit, Heartbeat: limit}
}

func approved() approval.Answer {
	return approval.Answer{
		OrderID: "order-4711", ApprovalID: "0123456789abcdef0123456789abcdef", Token: approval.NewToken(secretToken),
		Status: approval.Approved, ClosedAt: time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC),
		Votes: []approval.Vote{{
			DecisionID: "d-1",
			Outcome:    approval.Approve,
			By:         "ann@example.com",
			Comment:    "fine",
		}},
	}
}

func with(s approval.Status) approval.Answer {
	a := approved()
	a.Status = s
	return a
}

func TestDeliverChoosesTheOperation(t *testing.T) {
	t.Parallel()
	asSuccess := with(approval.Rejected)
	asSuccess.RejectAsSuccess = true
	for name, c := range map[string]struct {
		a         approval.Answer
		op, error string
	}{
		"approved":            {approved(), "SendTaskSuccess", ""},
		"rejected":            {with(approval.Rejected), "SendTaskFailure", "ApprovalDenied"},
		"rejected as success": {asSuccess, "SendTaskSuccess", ""},
		"timed out":           {with(approval.TimedOut), "SendTaskFailure", "ApprovalTimedOut"},
		"cancelled":           {with(approval.Cancelled), "SendTaskFailure", "ApprovalCancelled"},
		"superseded":          {with(approval.Superseded), "SendTaskFailure", "ApprovalSuperseded"},
	} {
		var got call
		api, calls := serve(t, func(w http.ResponseWriter, c call) {
			got = c
			_, _ = io.WriteString(w, "{}")
		})
		target := stepfunctions.NewTarget(api, stepfunctions.Config{Limits: unlimited()})
		if err := target.Deliver(t.Context(), c.a); err != nil || calls.Load() != 1 {
			t.Fatalf("%s: %v after %d calls", name, err, calls.Load())
		}
		if got.Op != c.op || got.TaskToken != secretToken || aws.ToString(got.Error) != c.error {
			t.Errorf("%s: %s with error %q", name, got.Op, aws.ToString(got.Error))
		}
		text := aws.ToString(got.Output) + aws.ToString(got.Cause)
		var body struct{ Approved bool }
		if err := json.Unmarshal([]byte(text), &body); err != nil || body.Approved != (name == "approved") {
			t.Errorf("%s: %s: %v", name, text, err)
		}
		if strings.Contains(text, secretToken) || !strings.Contains(text, `"orderId":"order-4711"`) {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func TestDeliverMakesOneAttemptWithAnyClient(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		fail(w, 500, "InternalFailure", "")
	}))
	t.Cleanup(server.Close)
	o := sfn.NewFromConfig(configFor(server.URL, nil)).Options()
	o.Retryer = nil // the SDK's own, of three attempts
	for i, api := range []stepfunctions.API{client(server.URL, nil), sfn.New(o)} {
		err := stepfunctions.NewTarget(api, stepfunctions.Config{Limits: unlimited()}).Deliver(t.Context(), approved())
		if err == nil || int(calls.Load()) != i+1 {
			t.Errorf("%v after %d calls", err, calls.Load())
		}
	}
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	var got call
	api, _ := serve(t, func(w http.ResponseWriter, c call) {
		got = c
		if c.TaskToken != secretToken {
			fail(w, 400, "TaskTimedOut", "")
			return
		}
		_, _ = io.WriteString(w, "{}")
	})
	target := stepfunctions.NewTarget(api, stepfunctions.Config{Limits: unlimited()})
	if err := target.Heartbeat(t.Context(), with(approval.Pending)); err != nil || got.Op != "SendTaskHeartbeat" {
		t.Errorf("%s: %v", got.Op, err)
	}
	closed := with(approval.Pending)
	closed.Token = approval.NewToken("other")
	if err := target.Heartbeat(t.Context(), closed); !errors.Is(err, approval.ErrClosed) {
		t.Error(err)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	change := func(f func(*approval.Answer)) approval.Answer {
		a := approved()
		f(&a)
		return a
	}
	big := map[string]any{"more": strings.Repeat("m", stepfunctions.MaxOutput)}
	for name, c := range map[string]struct {
		a  approval.Answer
		ok bool
	}{
		"good":     {approved(), true},
		"no token": {change(func(a *approval.Answer) { a.Token = approval.Token{} }), false},
		"a long token": {change(func(a *approval.Answer) {
			a.Token = approval.NewToken(strings.Repeat("x", 2049))
		}), false},
		"pending":                {with(approval.Pending), false},
		"additions too long":     {change(func(a *approval.Answer) { a.Output = big }), false},
		"the same, for a cause":  {change(func(a *approval.Answer) { a.Output, a.Status = big, approval.Rejected }), true},
		"additions that no JSON": {change(func(a *approval.Answer) { a.Output = map[string]any{"x": func() {}} }), false},
		"a comment that is long": {change(func(a *approval.Answer) {
			a.Votes[0].Comment = strings.Repeat("\x01", 100_000)
		}), true},
	} {
		err := stepfunctions.ValidateAnswer(c.a)
		if (err == nil) != c.ok || (err != nil && !approval.IsPermanent(err)) {
			t.Errorf("%s: %v", name, err)
		}
		refuseAll := &stepfunctions.Limits{Success: rate.NewLimiter(0, 0), Failure: rate.NewLimiter(0, 0)}
		target := stepfunctions.NewTarget(struct{ stepfunctions.API }{}, stepfunctions.Config{Limits: refuseAll})
		delivered := target.Deliver(t.Context(), c.a)
		if approval.IsPermanent(delivered) == c.ok {
			t.Errorf("%s: Deliver says %v", name, delivered)
		}
	}
}

func TestDeliverCutsTheCause(t *testing.T) {
	t.Parallel()
	var cause string
	api, _ := serve(t, func(w http.ResponseWriter, c call) {
		cause = aws.ToString(c.Cause)
		_, _ = io.WriteString(w, "{}")
	})
	a := with(approval.Rejected)
	a.Votes[0].Comment = strings.Repeat("é\x01", 20_000)
	if err := stepfunctions.NewTarget(api, stepfunctions.Config{Limits: unlimited()}).Deliver(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if n := len(cause); n > stepfunctions.MaxCause || n < stepfunctions.MaxCause/10 || !json.Valid([]byte(cause)) {
		t.Errorf("a cause of %d bytes, valid JSON: %v", n, json.Valid([]byte(cause)))
	}
}

func TestLimitsAreShared(t *testing.T) {
	t.Parallel()
	api, calls := serve(t, func(w http.ResponseWriter, _ call) { _, _ = io.WriteString(w, "{}") })
	limits := unlimited()
	limits.Success = rate.NewLimiter(rate.Every(time.Hour), 1)
	one := stepfunctions.NewTarget(api, stepfunctions.Config{Limits: limits})
	other := stepfunctions.NewTarget(api, stepfunctions.Config{Limits: limits})
	if err := one.Deliver(t.Context(), approved()); err != nil {
		t.Fatal(err)
	}
	err := other.Deliver(t.Context(), approved())
	if r := approval.ResultOf(err); r.Kind != approval.ResultNotMade || r.MaybeApplied || calls.Load() != 1 {
		t.Errorf("%v after %d calls", err, calls.Load())
	}
	if err := other.Deliver(t.Context(), with(approval.Rejected)); err != nil {
		t.Errorf("another API's quota is used up: %v", err)
	}
}
