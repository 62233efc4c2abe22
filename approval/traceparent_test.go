package approval

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	ours   = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	theirs = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-00"
)

// A record accepts only a valid traceparent.
func TestTraceIsValid(t *testing.T) {
	t.Parallel()
	good := []string{"", ours, theirs}
	bad := []string{
		"x", ours + " ", ours[1:], strings.ToUpper(ours), strings.Replace(ours, "00-", "01-", 1),
		strings.Replace(ours, "-b7", "_b7", 1),
		"00-00000000000000000000000000000000-b7ad6b7169203331-01",
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
		"00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-01",
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333\n-01", strings.Repeat(ours, 100),
	}
	for _, trace := range append(good, bad...) {
		want := trace == "" || len(trace) == 55 && (trace == ours || trace == theirs)
		for name, err := range map[string]error{
			"request":  addTracedRequest(trace),
			"decision": addTracedDecision(trace),
		} {
			require.Equal(t, want, err == nil, "%s with %q: %v", name, trace, err)
			if err != nil {
				require.ErrorContains(t, err, "trace: is not a traceparent")
				require.True(t, IsPermanent(err))
			}
		}
	}
}

func addTracedRequest(trace string) error {
	o := &Order{ID: "o-1"}
	_, _, err := o.AddRequest(tracedRequest(trace), Environment{Now: began})
	return err
}

func addTracedDecision(trace string) error {
	o := &Order{ID: "o-1"}
	_, _, err := o.Decide(Decision{
		ID:      "d",
		Outcome: Approve,
		Via:     ViaAPI,
		Source:  "api",
		Trace:   trace,
	}, UnmatchedRetention{WaitFor: time.Hour}, Environment{Now: began})
	return err
}

func tracedRequest(trace string) Request {
	return Request{
		Token:             NewToken("t"),
		Target:            "sfn",
		Workflow:          "w",
		Channels:          []string{"log"},
		Policy:            Policy{Kind: PolicyAny},
		Deadline:          began.Add(time.Hour),
		Trace:             trace,
		CallbackRetry:     RetrySchedule{MaxAge: time.Hour},
		NotificationRetry: RetrySchedule{MaxAge: time.Hour},
	}
}

// All later actions and events have the trace of the request, read from the record. The events of a decision also have
// the decision's own trace, also if the decision arrived first. The history has neither.
func TestTraceOfLaterActions(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	d := Decision{
		ID:      "d",
		Outcome: Approve,
		Via:     ViaAPI,
		Source:  "api",
		Trace:   theirs,
	}
	_, _, err := o.Decide(d, UnmatchedRetention{WaitFor: time.Hour, ShowExpiredFor: time.Hour}, Environment{Now: began})
	require.NoError(t, err)
	require.Equal(t, theirs, o.NewEvents()[0].DecisionTrace)
	require.Empty(t, o.NewEvents()[0].Trace)

	text, err := json.Marshal(o)
	require.NoError(t, err)
	var later Order
	require.NoError(t, json.Unmarshal(text, &later))
	_, actions, err := later.AddRequest(tracedRequest(ours), Environment{Now: began, Lease: time.Minute})
	require.NoError(t, err)
	require.NotEmpty(t, actions)
	for _, act := range actions {
		require.Equal(t, ours, act.Trace, act.Kind)
	}
	var from strings.Builder
	for _, e := range later.NewEvents() {
		require.Equal(t, ours, e.Trace, e.Kind)
		from.WriteString(e.DecisionTrace)
	}
	require.Equal(t, theirs, from.String())

	text, err = json.Marshal(later.History)
	require.NoError(t, err)
	require.NotContains(t, string(text), ours)
	require.NotContains(t, string(text), theirs)
	before := len(later.History)
	_, _, err = later.Decide(Decision{
		ID:      "e",
		Outcome: Reject,
		Via:     ViaAPI,
		Source:  "api",
	}, UnmatchedRetention{}, Environment{Now: began})
	require.NoError(t, err)
	_, _, err = later.Decide(Decision{
		ID:      "e",
		Outcome: Reject,
		Via:     ViaAPI,
		Source:  "api",
		Trace:   theirs,
	}, UnmatchedRetention{}, Environment{Now: began})
	require.NoError(t, err)
	require.Len(t, later.History, before+1, "the same decision in another trace")
}
