package handlers_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
)

// Without configuration approvers see a bounded number of plain values of the body, without values that look like secrets.
func TestDetails(t *testing.T) {
	t.Parallel()
	var many strings.Builder
	for i := range 30 {
		fmt.Fprintf(&many, `,"z%02d":%d`, i, i)
	}
	h := newHouse()
	require.NoError(t, h.requests().Handle(msg(t, `{"orderId":"A-1","taskToken":"`+token+`",
		"customer":{"name":"ACME","vip":true,"deep":{"er":"not shown"}}, "total":9007199254740993, "rate":0.25,
		"note":"`+strings.Repeat("é", 400)+`",
		"apiSecret":"s3cret","Password":"p","myCredential":"c","callback":"u","echo":"see `+token+`","list":[1,2],"nothing":null,"empty":"",
		"`+strings.Repeat("n", 65)+`":"long name"`+many.String()+`}`)))
	details := h.approval(t, "A-1").Details
	require.Len(t, details, 20)
	got := map[string]string{}
	for _, d := range details {
		got[d.Name] = d.Value
	}
	require.Equal(t, "ACME", got["name"])
	require.Equal(t, "true", got["vip"])
	require.Equal(t, "9007199254740993", got["total"], "not rounded")
	require.Equal(t, "0.25", got["rate"])
	require.Equal(t, strings.Repeat("é", 256)+"… (cut)", got["note"])
	for _, hidden := range []string{
		"orderId", "taskToken", "er", "apiSecret", "Password", "myCredential", "callback", "echo", "list", "nothing", "empty",
	} {
		require.NotContains(t, got, hidden)
	}

	h = newHouse()
	require.NoError(t, h.requests(func(w *handlers.Workflow) {
		w.Fields.Details = []handlers.Detail{{Name: "Total", Value: at("total")}, {Name: "Not there", Value: at("nowhere")}}
	}).Handle(msg(t, `{"orderId":"A-1","taskToken":"x","total":7,"customer":"ACME"}`)))
	require.Equal(t, []approval.Field{{Name: "Total", Value: "7"}}, h.approval(t, "A-1").Details, "only what is configured")

	h = newHouse()
	require.NoError(t, h.requests(func(w *handlers.Workflow) { w.Fields.Details = []handlers.Detail{} }).
		Handle(msg(t, `{"orderId":"A-1","taskToken":"x","total":7}`)))
	require.Empty(t, h.approval(t, "A-1").Details, "configured to be none")
}

func TestScalarsOfEveryKind(t *testing.T) {
	t.Parallel()
	h := newHouse()
	require.NoError(
		t,
		h.requests().
			Handle(msg(t, `{"orderId":"A-1","taskToken":"x","a":1,"b":18446744073709551615,"c":1.5e3,"d":-2,"e":123456789012345678901234567890}`)),
	)
	got := map[string]string{}
	for _, d := range h.approval(t, "A-1").Details {
		got[d.Name] = d.Value
	}
	require.Equal(t, map[string]string{
		"a": "1",
		"b": "18446744073709551615",
		"c": "1.5e3",
		"d": "-2",
		"e": "123456789012345678901234567890",
	}, got)
}
