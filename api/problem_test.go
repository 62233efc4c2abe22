package api

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
)

// A decision whose values are not valid is answered with every fault, so that its sender can correct all of them.
func TestProblemOfAnInvalidDecision(t *testing.T) {
	t.Parallel()
	verdict := approval.Verdict{
		Code:       approval.VerdictInvalid,
		ApprovalID: "a1",
		Status:     approval.Pending,
		Faults: []form.Fault{
			{Field: "limit", Code: form.TooGreat, Want: "5000"},
			{Field: "comment", Code: form.Missing},
		},
	}
	p := problemOf(approval.Permanent(verdict.Err()))
	require.Equal(t, http.StatusUnprocessableEntity, p.Status)
	require.Equal(t, approval.VerdictInvalid, p.Verdict)
	text, err := json.Marshal(p.Errors)
	require.NoError(t, err)
	require.JSONEq(t, `[
		{"field": "limit", "code": "too_great", "want": "5000", "detail": "`+p.Errors[0].Detail+`"},
		{"field": "comment", "code": "missing", "detail": "`+p.Errors[1].Detail+`"}
	]`, string(text))
	require.NotEmpty(t, p.Errors[0].Detail)

	changed := problemOf(approval.Permanent(approval.Verdict{Code: approval.VerdictChanged}.Err()))
	require.Equal(t, http.StatusConflict, changed.Status)
	require.Empty(t, changed.Errors)
}
