package handlers_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
)

// A decision names a choice, its values and the digest of what its sender saw. The values are as they came in: the approval
// judges them.
func TestReadsTheChoiceAndItsValues(t *testing.T) {
	t.Parallel()
	h := newHouse().decisions(approval.ViaAPI)
	read := func(members string) approval.Decision {
		_, d, err := h.Read(msg(t, `{"orderId":"A-1",`+members+`}`))
		require.NoError(t, err)
		return d
	}
	d := read(`"choice":" approve_up_to ","values":{"limit":5000.10,"n":9007199254740993},"shownDigest":"abc"`)
	require.Equal(t, "approve_up_to", d.Choice)
	require.Empty(t, d.Outcome, "the choice has the outcome")
	require.Equal(t, `{"limit":5000.10,"n":9007199254740993}`, string(d.Values), "numbers keep their digits")
	require.Equal(t, "abc", d.ShownDigest)

	require.Equal(t, approval.Return, read(`"decision":"Returned"`).Outcome)
	require.Equal(t, approval.Abstain, read(`"decision":"abstain"`).Outcome)
	require.Equal(t, approval.Approve, read(`"decision":"yes","choice":"approve"`).Outcome)
	require.Equal(t, `{"limit": 5}`, string(read(`"decision":"yes","values":"{\"limit\": 5}"`).Values), "forms have only texts")
	for _, none := range []string{`null`, `""`} {
		require.Empty(t, read(`"decision":"yes","values":`+none).Values)
	}
	for _, odd := range []string{`[1]`, `"limit"`, `"{limit"`, `7`, `true`} {
		require.Equal(t, odd, string(read(`"decision":"yes","values":`+odd).Values), "for the approval to judge")
	}
	_, _, err := h.Read(msg(t, `{"orderId":"A-1","choice":"approve","decision":"perhaps"}`))
	requireField(t, "outcome", err)
	_, _, err = h.Read(msg(t, `{"orderId":"A-1","choice":" "}`))
	requireField(t, "outcome", err)
}
