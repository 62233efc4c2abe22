package stepfunctions_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/callback/stepfunctions"
)

// recorder keeps the requests, and answers each with the same.
type recorder struct {
	status int
	answer string
	seen   []string // target and body
}

// Do implements the HTTP client of the SDK.
func (r *recorder) Do(request *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(request.Body)
	r.seen = append(r.seen, request.Header.Get("X-Amz-Target")+" "+string(body))
	return &http.Response{StatusCode: r.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(r.answer))}, err
}

// both calls the program's API and the SDK's client, and returns what they sent and their errors.
func both(t *testing.T, r *recorder, call func(context.Context, stepfunctions.API) error) (errs [2]error) {
	t.Helper()
	config := configFor("http://localhost:1", nil)
	config.HTTPClient = r
	config.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	api, err := stepfunctions.NewAPI(config)
	require.NoError(t, err)
	r.seen = nil
	errs = [2]error{call(t.Context(), api), call(t.Context(), sfn.NewFromConfig(config))}
	require.Len(t, r.seen, 2)
	require.Equal(t, r.seen[1], r.seen[0])
	return errs
}

// The inputs are sent as the SDK sends them, byte for byte, whatever is in them.
func TestCallsSendWhatTheSDKSends(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", `{"a":"b"}`, "<&>'\"\\/\x00\x1f\x7f\u2028\u2029\r\n\t", "Größe 漢字 🙂", "\xff\xfe", strings.Repeat("x", 300_000)} {
		r := &recorder{status: 200, answer: "{}"}
		for _, value := range []*string{&text, nil} {
			errs := both(t, r, func(ctx context.Context, api stepfunctions.API) error {
				_, err := api.SendTaskFailure(ctx, &sfn.SendTaskFailureInput{TaskToken: &text, Error: value, Cause: value})
				return err
			})
			require.Equal(t, [2]error{}, errs)
		}
		require.Equal(t, [2]error{}, both(t, r, func(ctx context.Context, api stepfunctions.API) error {
			out, err := api.SendTaskSuccess(ctx, &sfn.SendTaskSuccessInput{TaskToken: &text, Output: &text})
			require.NotNil(t, out)
			return err
		}))
		require.Equal(t, [2]error{}, both(t, r, func(ctx context.Context, api stepfunctions.API) error {
			out, err := api.SendTaskHeartbeat(ctx, &sfn.SendTaskHeartbeatInput{TaskToken: &text})
			require.NotNil(t, out)
			return err
		}))
	}
}

// An answer of 200 is a success if the SDK takes it for one.
func TestCallsReadWhatTheSDKReads(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{
		"{}", "", " {} ", "null", `{"more":[1]}`, "{", "[]", `"text"`, "<html>", "{}{}", "{} trailing", "  \n",
	} {
		r := &recorder{status: 200, answer: answer}
		errs := both(t, r, func(ctx context.Context, api stepfunctions.API) error {
			_, err := api.SendTaskHeartbeat(ctx, &sfn.SendTaskHeartbeatInput{TaskToken: aws.String(secretToken)})
			return err
		})
		require.Equal(t, errs[1] == nil, errs[0] == nil, "%q: %v; %v", answer, errs[0], errs[1])
	}
	r := &recorder{status: 400, answer: `{"__type":"com.amazonaws.swf.base.model#TaskTimedOut","message":"` + secretToken + `"}`}
	for _, err := range both(t, r, func(ctx context.Context, api stepfunctions.API) error {
		_, err := api.SendTaskHeartbeat(ctx, &sfn.SendTaskHeartbeatInput{TaskToken: aws.String(secretToken)})
		return err
	}) {
		_, isTimedOut := errors.AsType[*types.TaskTimedOut](err)
		require.True(t, isTimedOut, "%v", err)
	}
}

// The answer to one call corrects the clock by which all others are signed, as in the SDK.
func TestCallsShareTheClock(t *testing.T) {
	t.Parallel()
	var signed []string
	config := configFor("http://localhost:1", nil)
	config.HTTPClient = clientFunc(func(r *http.Request) (*http.Response, error) {
		signed = append(signed, r.Header.Get("X-Amz-Date"))
		return &http.Response{
			StatusCode: http.StatusForbidden,
			Header:     http.Header{"Date": {"Sat, 01 Mar 2070 09:00:00 GMT"}},
			Body:       io.NopCloser(strings.NewReader(`{"__type":"InvalidSignatureException"}`)),
		}, nil
	})
	api, err := stepfunctions.NewAPI(config)
	require.NoError(t, err)
	_, err = api.SendTaskHeartbeat(t.Context(), &sfn.SendTaskHeartbeatInput{TaskToken: aws.String("token")})
	require.ErrorContains(t, err, "InvalidSignatureException")
	_, err = api.SendTaskSuccess(t.Context(), &sfn.SendTaskSuccessInput{TaskToken: aws.String("token")})
	require.ErrorContains(t, err, "InvalidSignatureException")
	require.Len(t, signed, 2)
	require.NotContains(t, signed[0], "20700301")
	require.Contains(t, signed[1], "20700301")
}

// clientFunc is an HTTP client of the SDK.
type clientFunc func(*http.Request) (*http.Response, error)

// Do implements the HTTP client of the SDK.
func (f clientFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }
