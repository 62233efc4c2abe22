package handlers_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/metadata"
)

// The reason of a missing field has the names that the message has at its top, and no text that can be a value.
func TestReasonsNameWhatTheMessageHas(t *testing.T) {
	t.Parallel()
	h := newHouse().requests()
	long := strings.Repeat("long", 11)
	for body, want := range map[string]string{
		`{}`: "the message has no fields",
		`{"TaskToken":"x","MessageTitle":"secret-value"}`: "the message has MessageTitle, TaskToken",
		`{"a":{"secret-value":1}}`:                        "the message has a",
		`{"Order ID":1,"$type":1,"a.b-c":1,"größe":1}`:    "the message has $type, Order ID, a.b-c, größe",
		`{"ann@example.com":1,"a":1}`:                     "the message has a, and 1 more",
		`{"0216b511-4ade-5a33-8ebb-ea1b34659891":1}`:      "the message has 1 names that are not shown",
		`{"AQCEAAAAKgAAAAMAAAAAAAAAAXk+q/Zs8=":1}`:        "the message has 1 names that are not shown",
		`{"` + long + `":1}`:                              "the message has 1 names that are not shown",
		`{"` + strings.Repeat("ab-", 21) + `":1}`:         "the message has 1 names that are not shown",
		`{"":1,"\u001b[31m":1}`:                           "the message has 2 names that are not shown",
		manyNames(15):                                     "the message has a, b, c, d, e, f, g, h, i, j, k, l, and 3 more",
	} {
		err := h.Handle(msg(t, body))
		require.EqualError(t, err, "order: is missing; "+want+"; looked for in orderId, approvalRequest.orderId, order.id")
		require.NotContains(t, err.Error(), "secret-value")
	}
	err := h.Handle(msg(t, `{"a":1}`, metadata.Attribute+"TaskToken", "secret-value", metadata.Attribute+"n", "1"))
	require.ErrorContains(t, err, "the message has a, and the attributes TaskToken, n")
	require.NotContains(t, err.Error(), "secret-value")
}

func manyNames(n int) string {
	names := map[string]int{}
	for i := range n {
		names[fmt.Sprintf("%c", 'a'+i)] = i
	}
	b, _ := json.Marshal(names)
	return string(b)
}

// Names in the same object follow the first of them, so that a long list of places stays readable.
func TestReasonsGroupPlaces(t *testing.T) {
	t.Parallel()
	h := newHouse().requests()
	h.Workflow.Fields.Order = handlers.Field[string]{Expressions: []string{
		"body.orderId", "body.order.id", "body.order_id", "body.order.key", `meta["attribute.orderId"]`,
		`meta["attribute.order_id"]`, "body.a[0]", "body.a[1]", "body.id",
	}}
	require.ErrorContains(t, h.Handle(msg(t, `{"a":1}`)), "order: is missing; the message has a; looked for in "+
		`body.orderId (also order_id, id), body.order.id (also key), meta["attribute.orderId"] (also order_id), body.a[0], body.a[1]`)
}

// Common names are read only if the message has none of the usual places, and a token among them only without a
// callback URL.
func TestFurtherPlaces(t *testing.T) {
	t.Parallel()
	h := newHouse()
	requests := h.requests(func(w *handlers.Workflow) {
		w.URLTarget = "web"
		w.Fields.OrderElse = at("id", "executionArn")
		w.Fields.TokenElse = at("token")
	})
	require.NoError(t, requests.Handle(msg(t, `{"orderId":"A-1","id":"A-2","taskToken":"`+token+`","token":"other"}`)))
	require.Equal(t, token, h.approval(t, "A-1").Token.Reveal())

	require.NoError(t, requests.Handle(msg(t, `{"id":"A-2","token":"`+token+`","executionArn":"arn:x"}`)))
	require.Equal(t, token, h.approval(t, "A-2").Token.Reveal())
	reading, err := requests.ReadForPreview(msg(t, `{"id":"A-2","token":"x"}`))
	require.NoError(t, err)
	require.Empty(t, reading.Notes)

	require.NoError(t, requests.Handle(msg(t, `{"id":"A-3","token":"other","callbackUrl":"https://erp.example/done"}`)))
	require.Equal(t, "https://erp.example/done", h.approval(t, "A-3").Token.Reveal(), "the token is not that of a task")

	onlyExecution := msg(t, `{"token":"`+token+`","executionArn":"arn:x"}`)
	require.NoError(t, requests.Handle(onlyExecution))
	require.Equal(t, "arn:x", h.approval(t, "arn:x").Execution)
	reading, err = requests.ReadForPreview(onlyExecution)
	require.NoError(t, err)
	require.Contains(t, reading.Notes[0], "the execution is the order")

	for _, empty := range []string{`null`, `""`, `" "`} {
		err := requests.Handle(msg(t, `{"orderId":`+empty+`,"id":"A-4","token":"`+token+`"}`))
		requireField(t, "order", err)
		err = requests.Handle(msg(t, `{"id":"A-4","taskToken":`+empty+`,"token":"other"}`))
		if empty != `" "` { // a token of spaces is a token; the target refuses it
			requireField(t, "token", err)
		}
	}
}
