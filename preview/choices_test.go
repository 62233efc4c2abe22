package preview_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/preview"
)

const purchases = `
workflows:
  purchases:
    decision:
      choices:
        - {id: up_to, means: approve, fields: [limit, mail, tag, tags, sure, day]}
        - {id: reject, comment: required}
        - {id: return}
        - {id: abstain}
      form:
        required: [limit, mail, tag, tags, sure, day]
        properties:
          limit: {type: number, minimum: 1, maximum: 5000}
          mail: {type: string, format: email}
          tag: {type: string, enum: [a, b]}
          tags: {type: array, items: {type: string, enum: [a, b]}, minItems: 2}
          sure: {type: boolean}
          day: {type: string, format: date}
      edits: {limit: /purchase/total}
`

func loadPurchases(t *testing.T) *config.Config {
	t.Helper()
	c, _, err := config.Parse("test.yaml", []byte(purchases), func(string) string { return "" })
	require.NoError(t, err)
	return c
}

// The preview of a request has each choice with its fields and present values, and the answer to each.
func TestRequestWithChoices(t *testing.T) {
	t.Parallel()
	body := `{"orderId":"P-1","taskToken":"AAAAKgAAAAIAAAAAAAAAAW9tZXRva2VuLWxvbmctZW5vdWdoLXRvLWJlLXZhbGlkLTEyMzQ1Njc4OTA=","purchase":{"total":480.50}}`
	p, err := preview.ForRequest(t.Context(), loadPurchases(t), "purchases", preview.Message{Body: []byte(body), SentAt: time.Now()})
	require.NoError(t, err)
	require.Len(t, p.Choices, 4)
	limit := p.Choices[0].Fields[0]
	require.Equal(t, "/purchase/total", limit.Edits)
	require.JSONEq(t, "480.5", string(limit.Default))
	require.Equal(t, "480.50", string(limit.Present))
	var answers []string
	for _, a := range p.Answers {
		answers = append(answers, a.Choice+" "+a.Outcome+" "+a.Error)
	}
	require.Equal(t, []string{"up_to approve ", "reject reject ApprovalDenied", "return return ApprovalReturned"}, answers)
	require.Contains(t, string(p.Answers[0].Body), `"mail":"ann@example.com"`, "a required field without a value has an example")
}

// A present value that the form does not allow, or a form that no example fits, does not make the preview refuse a request
// that the worker accepts.
func TestRequestWithValuesOutsideTheForm(t *testing.T) {
	t.Parallel()
	const token = "AAAAKgAAAAIAAAAAAAAAAW9tZXRva2VuLWxvbmctZW5vdWdoLXRvLWJlLXZhbGlkLTEyMzQ1Njc4OTA="
	ask := func(text, total string) *preview.Request {
		c, _, err := config.Parse("test.yaml", []byte(text), func(string) string { return "" })
		require.NoError(t, err)
		body := `{"orderId":"P-1","taskToken":"` + token + `","purchase":{"total":` + total + `}}`
		p, err := preview.ForRequest(t.Context(), c, "purchases", preview.Message{Body: []byte(body), SentAt: time.Now()})
		require.NoError(t, err, total)
		return p
	}
	for _, total := range []string{"9000", `"480"`, "null", "[1]"} {
		p := ask(purchases, total)
		require.Len(t, p.Answers, 3, total)
		require.Contains(t, string(p.Answers[0].Body), `"limit":1`, "an example that the form allows")
		require.JSONEq(t, total, string(p.Choices[0].Fields[0].Present))
	}
	unlikely := strings.Replace(purchases, "mail: {type: string, format: email}", "mail: {type: string, format: email, maxLength: 6}", 1)
	p := ask(unlikely, "480")
	require.Len(t, p.Answers, 2, "no example has six characters, so that there is no answer to show")
}

// The preview of a decision judges its choice and values.
func TestDecisionWithValues(t *testing.T) {
	t.Parallel()
	check := func(body string) (*preview.Decision, error) {
		return preview.ForDecision(t.Context(), loadPurchases(t), "api", preview.Message{Body: []byte(body), SentAt: time.Now()})
	}
	p, err := check(`{"orderId":"P-1","choice":"return"}`)
	require.NoError(t, err)
	require.Equal(t, []preview.Judgement{{Workflow: "purchases", Faults: []string{}}}, p.Judged)
	p, err = check(`{"orderId":"P-1","choice":"up_to","values":{"limit":"much","colour":"red"}}`)
	require.ErrorContains(t, err, "no workflow takes this choice with these values")
	require.Len(t, p.Judged[0].Faults, 7, "limit is no number, colour is unknown, five values are missing")
	_, err = check(`{"orderId":"P-1","choice":"reject"}`)
	require.ErrorContains(t, err, "comment")
	_, err = check(`{"orderId":"P-1","choice":"approve"}`)
	require.ErrorContains(t, err, "choice")
}
