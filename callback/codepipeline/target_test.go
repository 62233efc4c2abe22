package codepipeline_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/callback/codepipeline"
	"github.com/approval-relay/approval-relay/test/emulator"
)

func start(t *testing.T) (*emulator.CodePipeline, *codepipeline.Target) {
	t.Helper()
	s, err := emulator.Start()
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	client := sdk.New(sdk.Options{Region: "us-east-1", BaseEndpoint: aws.String(s.URL()),
		Credentials: credentials.NewStaticCredentialsProvider("x", "x", "")})
	return s.CodePipeline, codepipeline.NewTarget(client, codepipeline.Config{Limit: rate.NewLimiter(1000, 1000)})
}

func answer(token string, status approval.Status, change ...func(*approval.Answer)) approval.Answer {
	a := approval.Answer{
		OrderID: "A-1", Token: approval.NewToken("shop/Release/Sign-off/" + token), Status: status,
		Votes: []approval.Vote{{Outcome: approval.Approve, By: "ann@example.com", Comment: "fine"}},
	}
	for _, f := range change {
		f(&a)
	}
	return a
}

func TestDeliver(t *testing.T) {
	t.Parallel()
	c, target := start(t)
	for _, tc := range []struct {
		status  approval.Status
		change  func(*approval.Answer)
		want    string
		summary string
	}{
		{approval.Approved, nil, "Approved", "approved by ann@example.com: fine"},
		{approval.Rejected, func(a *approval.Answer) { a.Votes[0].Comment = "" }, "Rejected", "rejected by ann@example.com"},
		{approval.TimedOut, func(a *approval.Answer) { a.Reason = "nobody decided" }, "Rejected",
			"timed out: nobody decided"},
		{approval.Cancelled, func(a *approval.Answer) { a.Votes = nil }, "Rejected", "cancelled"},
	} {
		a := answer(c.OpenApproval("shop", "Release", "Sign-off"), tc.status)
		if tc.change != nil {
			tc.change(&a)
		}
		require.NoError(t, target.Deliver(t.Context(), a))
		got := c.FindAction("shop", "Release", "Sign-off")
		require.Equal(t, tc.want, got.Status)
		require.Equal(t, tc.summary, got.Summary)
		require.ErrorIs(t, target.Deliver(t.Context(), a), approval.ErrClosed, "once")
	}
	old := answer(c.OpenApproval("shop", "Release", "Sign-off"), approval.Superseded)
	c.OpenApproval("shop", "Release", "Sign-off")
	require.ErrorIs(t, target.Deliver(t.Context(), old), approval.ErrClosed, "the pipeline has asked anew")
	require.Empty(t, c.FindAction("shop", "Release", "Sign-off").Status)
}

func TestSummaryIsCut(t *testing.T) {
	t.Parallel()
	c, target := start(t)
	a := answer(c.OpenApproval("shop", "Release", "Sign-off"), approval.Approved,
		func(a *approval.Answer) { a.Votes[0].Comment = strings.Repeat("ü", 4000) + "\xff" })
	require.NoError(t, target.Deliver(t.Context(), a))
	got := c.FindAction("shop", "Release", "Sign-off").Summary
	require.Equal(t, codepipeline.MaxSummary, utf8.RuneCountInString(got))
	require.True(t, strings.HasSuffix(got, "…"))
}

// Every step fails twice: not applied, and applied with a lost response.
func TestFailures(t *testing.T) {
	t.Parallel()
	c, target := start(t)
	for how, want := range map[string]struct {
		maybe  bool
		status string
	}{"throttle": {false, ""}, "fail": {true, ""}, "lose": {true, "Approved"}} {
		token := c.OpenApproval("shop", "Release", "Sign-off")
		c.FailNext(how)
		r := approval.ResultOf(target.Deliver(t.Context(), answer(token, approval.Approved)))
		require.Equal(t, approval.ResultFailed, r.Kind, how)
		require.Equal(t, want.maybe, r.MaybeApplied, how)
		require.Equal(t, want.status, c.FindAction("shop", "Release", "Sign-off").Status, how)
		require.NotContains(t, r.Reason, token)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	_, target := start(t)
	for name, a := range map[string]approval.Answer{
		"a token alone": answer("", approval.Approved,
			func(a *approval.Answer) { a.Token = approval.NewToken("token") }),
		"one part empty":     answer("", approval.Approved),
		"pending":            answer("x", approval.Pending),
		"no token of theirs": answer("x", approval.Approved),
	} {
		require.True(t, approval.IsPermanent(target.Deliver(t.Context(), a)), name)
	}
}

func TestRateLimitRefuses(t *testing.T) {
	t.Parallel()
	target := codepipeline.NewTarget(struct{ codepipeline.API }{},
		codepipeline.Config{Limit: rate.NewLimiter(0, 0), Timeout: time.Millisecond})
	require.False(t, approval.ResultOf(target.Deliver(t.Context(), answer("x", approval.Approved))).MaybeApplied)
}

// What CodePipeline does not find is refused at once: no retry finds it. The workflow may be waiting, so it is not taken
// for closed.
func TestNotFoundIsRefused(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"PipelineNotFoundException", "StageNotFoundException", "ActionNotFoundException"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amzn-Errortype", code)
			w.WriteHeader(http.StatusBadRequest)
		}))
		client := sdk.New(sdk.Options{Region: "us-east-1", BaseEndpoint: aws.String(server.URL),
			Credentials: credentials.NewStaticCredentialsProvider("x", "x", "")})
		target := codepipeline.NewTarget(client, codepipeline.Config{Limit: rate.NewLimiter(1000, 1000)})
		r := approval.ResultOf(target.Deliver(t.Context(), answer("01234567-0123-0123-0123-0123456789ab", approval.Approved)))
		server.Close()
		require.Equal(t, approval.ResultRefused, r.Kind, code)
		require.Equal(t, approval.NamedReasonCode(code), r.ReasonCode)
	}
}

// A token that cannot be answered is refused before people decide.
func TestValidateToken(t *testing.T) {
	t.Parallel()
	var target callback.TokenTarget = codepipeline.NewTarget(nil, codepipeline.Config{})
	require.NoError(t, target.ValidateToken("web/Approve/Manual.1/0b1a4c1e-8a3f-4a55-9d2e-7f1d1e5b7c11"))
	require.ErrorContains(t, target.ValidateToken("0b1a4c1e-8a3f-4a55-9d2e-7f1d1e5b7c11"), "PIPELINE/STAGE/ACTION/TOKEN")
	require.ErrorContains(t, target.ValidateToken("web/Approve//0b1a4c1e"), "PIPELINE/STAGE/ACTION/TOKEN")
	require.ErrorContains(t, target.ValidateToken("web/Approve/Manual%201/0b1a4c1e"), "percent-escapes")
}
