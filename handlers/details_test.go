package handlers_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/details"
	"github.com/approval-relay/approval-relay/handlers"
)

// detailsOf returns the details of a request, by their names. No name occurs twice.
func detailsOf(t *testing.T, body string, change ...func(*handlers.Workflow)) ([]approval.Field, map[string]string) {
	t.Helper()
	h := newHouse()
	require.NoError(t, h.requests(change...).Handle(msg(t, body)))
	details := h.approval(t, "A-1").Details
	byName := map[string]string{}
	for _, d := range details {
		require.NotContains(t, byName, d.Name)
		byName[d.Name] = d.Value
	}
	return details, byName
}

// Without configuration approvers see the values of the body, and are told of those that they do not see.
func TestDetails(t *testing.T) {
	t.Parallel()
	details, got := detailsOf(t, `{"orderId":"A-1","taskToken":"`+token+`","TaskToken":"`+token+`",
		"customer":{"name":"ACME","vip":true,"deep":{"er":{"est":"shown"}},"password":"p"}, "total":9007199254740993, "rate":0.250,
		"billing":{"city":"Bonn"},"shipping":{"city":"Köln"},
		"items":[{"sku":"A-1","price":19.90,"n":[1,2],"note":"a, price: 1.00"},{"sku":"B","price":0.10,"apiKey":"k","x":null}],
		"tags":["a","b, c",7],"mixed":[[1],{"a":true}],
		"note":"`+strings.Repeat("é", 5000)+`","order":"A-1",
		"apiSecret":"s3cret","Password":"p","myCredential":"c","callback":"u","echo":"see `+token+`","echoes":["see `+token+`"],
		"nothing":null,"empty":"","emptyList":[],"emptyObject":{},
		"`+strings.Repeat("n", 65)+`":"long name"}`)
	require.Equal(t, map[string]string{
		"Not shown": "8 values of the request: Password, apiSecret, callback, customer.password, echo, echoes[0], items[1].apiKey, " +
			"myCredential",
		"Without a value": "4 values of the request: empty, emptyList, emptyObject, nothing",
		"billing.city":    "Bonn",
		"shipping.city":   "Köln",
		"name":            "ACME",
		"vip":             "true",
		"est":             "shown",
		"items":           "n: [1, 2], note: \"a, price: 1.00\", price: 19.90, sku: A-1\nprice: 0.10, sku: B, x: null",
		"tags":            "a, \"b, c\", 7",
		"mixed":           "[1]\na: true",
		"note":            strings.Repeat("é", 5000),
		"total":           "9007199254740993",
		"rate":            "0.250",
		"echoes":          "(hidden)",
		strings.Repeat("n", 38) + "… (cut, 65 characters)": "long name",
	}, got)
	require.Equal(t, "Not shown", details[0].Name, "channels leave out the last details")

	var many strings.Builder
	for i := range 120 {
		fmt.Fprintf(&many, `,"z%03d":%d`, i, i)
	}
	details, got = detailsOf(t, `{"orderId":"A-1","taskToken":"`+token+`"`+many.String()+`}`)
	require.Len(t, details, 91)
	require.True(t, strings.HasPrefix(got["Further values"], "z090: 90\nz091: 91\n"), got["Further values"])
	require.True(t, strings.HasSuffix(got["Further values"], "\nz119: 119"), got["Further values"])
	require.NotContains(t, got, "Too much to show")

	for i := range 3 {
		fmt.Fprintf(&many, `,"zz%d":"%s"`, i, strings.Repeat("x", 5000))
	}
	_, got = detailsOf(t, `{"orderId":"A-1","taskToken":"`+token+`"`+many.String()+`}`)
	require.Equal(t, "1 value of the request: zz2", got["Too much to show"])
}

// An approver sees each configured detail: its value, or that it has none.
func TestConfiguredDetails(t *testing.T) {
	t.Parallel()
	configured := func(details ...handlers.Detail) func(*handlers.Workflow) {
		return func(w *handlers.Workflow) { w.Fields.Details = append([]handlers.Detail{}, details...) }
	}
	detail := func(name, source string, value handlers.Field[any]) handlers.Detail {
		return handlers.Detail{Spec: details.Spec{Name: name, Source: source}, Value: value}
	}
	body := `{"orderId":"A-1","taskToken":"` + token + `","total":7.10,"customer":"ACME","o":{"a":1.0,"secretNote":"x"},"t":"` + token + `"}`
	got, _ := detailsOf(t, body, configured(
		detail("Total", "body.total", anyAt("total")),
		detail("Not there", "body.nowhere", anyAt("nowhere")),
		detail("Odd", "1/0", broken[any]()),
		detail("Object", "body.o", anyAt("o")),
		detail("Token", "body.t", anyAt("t")),
	))
	require.Equal(t, []approval.Field{
		{Name: "Total", Value: "7.10", Path: "/total"},
		{Name: "Not there", Value: "(not given)", State: approval.FieldNotGiven, Path: "/nowhere"},
		{Name: "Odd", Value: "(cannot be shown)", State: approval.FieldUnreadable},
		{Name: "Object", Value: "a: 1.0\n(not shown: 1 value of the request: o.secretNote)", Path: "/o"},
		{Name: "Token", Value: "(hidden)", State: approval.FieldHidden, Path: "/t"},
		{
			Name:  "Not among the details",
			Value: "1 value of the request: customer",
			LeftOut: &approval.LeftOut{
				Reason: approval.LeftOutNotConfigured,
				Count:  1,
				Names:  []string{"customer"},
			},
		},
	}, got)
	got, _ = detailsOf(t, body, configured())
	require.Equal(t, "4 values of the request: customer, o.a, o.secretNote, total", got[0].Value, "configured to be none")
	hide := func(w *handlers.Workflow) { w.Fields.HideRest = true }
	got, _ = detailsOf(t, body, configured(), hide)
	require.Empty(t, got)
}

// A request without a required detail is refused, and the reason names the detail.
func TestRequiredDetail(t *testing.T) {
	t.Parallel()
	required := func(w *handlers.Workflow) {
		w.Fields.Details = []handlers.Detail{{Spec: details.Spec{Name: "Total", Source: "body.total", Required: true}, Value: anyAt("total")}}
	}
	for _, total := range []string{"", `,"total":null`, `,"total":""`} {
		h := newHouse()
		err := h.requests(required).Handle(msg(t, `{"orderId":"A-1","taskToken":"x","sum":7`+total+`}`))
		require.True(t, approval.IsPermanent(err), "%q: %v", total, err)
		require.ErrorContains(t, err, "details.Total: is required")
	}
	h := newHouse()
	require.NoError(t, h.requests(required).Handle(msg(t, `{"orderId":"A-1","taskToken":"x","total":0}`)))
}

// A detail that cannot be read is a note for the operator.
func TestUnreadableDetailIsNoted(t *testing.T) {
	t.Parallel()
	h := newHouse()
	require.NoError(t, h.requests(func(w *handlers.Workflow) {
		w.Fields.Details = []handlers.Detail{{Spec: details.Spec{Name: "Odd"}, Value: broken[any]()}}
	}).Handle(msg(t, `{"orderId":"A-1","taskToken":"x"}`)))
	o, err := h.Get(t.Context(), "A-1")
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(o.History, func(e approval.Event) bool {
		return e.Kind == approval.EventReadingNote && strings.Contains(e.Note, "details.Odd")
	}))
}

// A body with long names costs no more than its size.
func TestLongNamesAreCheap(t *testing.T) {
	t.Parallel()
	name := strings.Repeat("n", 300_000)
	items := strings.Repeat(`{"secret":1,"a":[[2]]},`, 20_000) + "1"
	_, got := detailsOf(t, `{"orderId":"A-1","taskToken":"x","`+name+`":{"`+name+`":{"k":[`+items+`]}}}`)
	require.True(t, strings.HasPrefix(got["Not shown"], "20000 values of the request: nnn"), got["Not shown"])
	require.Less(t, len(got["Not shown"]), 8000)
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
