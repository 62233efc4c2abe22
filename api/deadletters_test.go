package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/store"
)

// putLetters stores dead letters of two sources, and a queue with a message.
func putLetters(t *testing.T, h *Endpoints, letters store.DeadLetters) {
	t.Helper()
	for i, source := range []string{"request-orders", "request-refunds", "request-orders", "request-orders"} {
		_, err := letters.PutDeadLetter(t.Context(), store.DeadLetter{
			Source:     source,
			ReasonCode: []approval.ReasonCode{"", "", "http_500", "invalid_field:order"}[i],
			Reason:     fmt.Sprint("reason ", i+1),
			Body:       fmt.Appendf(nil, "secret body %d of %s", i+1, source),
		})
		require.NoError(t, err)
	}
	h.OperatorAPI.Redriver.Queues = map[string]handlers.DeadLetterQueue{"request-orders": deepQueue{messages: 3}}
}

func listLetters(t *testing.T, h *Endpoints, query, token string) (reply, DeadLetterList) {
	t.Helper()
	got := send(t, h.OperatorHandler(), "GET", "/v1/deadletters"+query, "", "Authorization", "Bearer "+token)
	var page DeadLetterList
	if got.StatusCode == http.StatusOK {
		require.NoError(t, json.Unmarshal([]byte(got.text), &page))
	}
	return got, page
}

func TestDeadLettersAreFiltered(t *testing.T) {
	t.Parallel()
	h, s, _ := site(t)
	putLetters(t, h, s)
	for query, want := range map[string]string{
		"":                                "1234",
		"?source=request-orders":          "134",
		"?source=request-refunds":         "2",
		"?reason=http_500":                "3",
		"?reason=unknown":                 "12",
		"?reason=http_500&source=refunds": "",
	} {
		_, page := listLetters(t, h, query, "operator")
		var numbers strings.Builder
		for _, l := range page.DeadLetters {
			require.Empty(t, l.Body)
			numbers.WriteString(strings.TrimPrefix(l.Reason, "reason "))
		}
		require.Equal(t, want, numbers.String(), query)
		total := 0
		for _, g := range page.Stored {
			total += g.Count
		}
		require.Equal(t, len(want), total, query)
	}
	_, page := listLetters(t, h, "?limit=1", "operator")
	require.Len(t, page.DeadLetters, 1)
	require.Equal(t, []DeadLetterGroup{
		{"request-orders", "unknown", 1},
		{"request-refunds", "unknown", 1},
		{"request-orders", "http_500", 1},
		{"request-orders", "invalid_field:order", 1},
	}, page.Stored, "the page has one, the store all")
	require.Equal(t, []string{"m-1"}, []string{page.Queues[0].Letters[0].MessageID})
}

// The bodies of dead letters are shown to those who may audit, and that is logged. A limited operator sees the dead letters of
// the own workflows.
func TestBodiesOfDeadLetters(t *testing.T) {
	t.Parallel()
	h, s, _ := site(t, ofRoles)
	putLetters(t, h, s)
	for token, want := range map[string]int{
		"viewer":          http.StatusForbidden,
		"auditor":         http.StatusOK,
		"operator":        http.StatusOK,
		"admin":           http.StatusOK,
		"orders-viewer":   http.StatusForbidden,
		"orders-auditor":  http.StatusOK,
		"orders-operator": http.StatusOK,
	} {
		got, page := listLetters(t, h, "?body=1", token)
		require.Equal(t, want, got.StatusCode, token)
		if want != http.StatusOK {
			require.NotContains(t, got.text, "secret body", token)
			continue
		}
		require.Contains(t, got.text, "secret body 1", token)
		require.Equal(t, "secret body", page.Queues[0].Letters[0].Body)
		require.Equal(t, !strings.HasPrefix(token, "orders-"), strings.Contains(got.text, "refunds"), token)
	}
	got, _ := listLetters(t, h, "?body=yes", "admin")
	require.Equal(t, "body", got.problem.Field)
	got, _ = listLetters(t, h, "", "admin")
	require.NotContains(t, got.text, "secret body")
}

func TestDismissal(t *testing.T) {
	t.Parallel()
	h, s, _ := site(t, ofRoles)
	putLetters(t, h, s)
	dismiss := func(token, body string) (reply, LettersDismissed) {
		got := send(t, h.OperatorHandler(), "POST", "/v1/deadletters/dismissal", body, "Authorization", "Bearer "+token)
		var out LettersDismissed
		if got.StatusCode == http.StatusOK {
			require.NoError(t, json.Unmarshal([]byte(got.text), &out))
		}
		return got, out
	}
	for body, field := range map[string]string{
		`{"ids":["1"]}`:  "reason",
		`{"reason":"x"}`: "ids",
		`{"reason":"x","ids":["1"],"reasonCode":"c"}`:                    "ids",
		`{"reason":"x","source":"request-orders"}`:                       "ids",
		`{"reason":"x","ids":["1"],"all":true}`:                          "body",
		`{"reason":"x","ids":["` + strings.Repeat(`1","`, 1000) + `1"]}`: "ids",
	} {
		got, _ := dismiss("operator", body)
		require.Equal(t, http.StatusUnprocessableEntity, got.StatusCode, field)
		require.Equal(t, field, got.problem.Field)
	}
	_, out := dismiss("orders-operator", `{"reason":"x","ids":["2"]}`)
	require.Equal(t, LettersDismissed{NotFound: []string{"2"}}, out, "it is of another workflow")
	_, out = dismiss("operator", `{"reason":"x","ids":["1","0000000000000002","77","x"],"messageIds":["m-1","m-2"]}`)
	require.Equal(t, LettersDismissed{Dismissed: 3, FromQueues: 1, NotFound: []string{"77", "x", "m-2"}}, out)
	_, page := listLetters(t, h, "", "operator")
	require.Len(t, page.DeadLetters, 2)
	_, out = dismiss("operator", `{"reason":"x","reasonCode":"http_500","source":"request-refunds"}`)
	require.Equal(t, LettersDismissed{}, out)
	_, out = dismiss("operator", `{"reason":"x","reasonCode":"http_500"}`)
	require.Equal(t, LettersDismissed{Dismissed: 2, FromQueues: 1}, out)
	_, page = listLetters(t, h, "", "operator")
	require.Equal(t, "reason 4", page.DeadLetters[0].Reason)
	require.Len(t, page.DeadLetters, 1)
}
