package approval

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// An answer is missed only if somebody decided, or nobody did in time, and the workflow has ended without it or may have.
func TestOnlyAMissedAnswerIsUnanswered(t *testing.T) {
	t.Parallel()
	needed := map[Status]bool{Approved: true, Rejected: true, Returned: true, TimedOut: true}
	missed := map[CallbackState]bool{CallbackTooLate: true, CallbackUnknown: true}
	states := append(AllCallbackOutcomes(), CallbackNone, CallbackPending)
	for _, status := range AllStatuses() {
		for _, state := range states {
			a := &Approval{Status: status, Callback: Callback{State: state}}
			o := &Order{Approvals: []*Approval{{Status: Pending}, a}}
			want := needed[status] && missed[state]
			require.Equal(t, want, o.IsUnanswered(), "%s, %s", status, state)
			require.Equal(t, state == CallbackExhausted, o.HasExhaustedCallback(), "%s, %s", status, state)
			a.Dismissed = AttentionAnswer
			require.False(t, o.IsUnanswered(), "%s, %s", status, state)
			require.False(t, o.HasExhaustedCallback(), "%s, %s", status, state)
			require.Equal(t, want, a.MissesAnswer(), "%s, %s", status, state)
		}
	}
}

// Nobody can be told about a closed approval any more.
func TestOnlyAPendingApprovalIsUndeliverable(t *testing.T) {
	t.Parallel()
	for _, status := range AllStatuses() {
		a := &Approval{Status: status, Undeliverable: true, Dismissed: AttentionAnswer}
		o := &Order{Approvals: []*Approval{{Status: Pending}, a}}
		require.Equal(t, status == Pending, o.IsUndeliverable(), status)
		a.Dismissed = AttentionUndeliverable
		require.False(t, o.IsUndeliverable(), status)
	}
}
