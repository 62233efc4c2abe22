package handlers_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/handlers"
)

// bringsRules is a workflow whose requests bring their form and choices.
func bringsRules(w *handlers.Workflow) {
	w.Fields.Form = anyAt("responseSchema")
	w.Fields.Choices = anyAt("ways")
}

func askWith(t *testing.T, members string, change ...func(*handlers.Workflow)) (*approval.Approval, error) {
	t.Helper()
	h := newHouse()
	err := h.requests(change...).Handle(msg(t, `{"orderId":"A-1","taskToken":"`+token+`",`+members+`}`))
	if err != nil {
		return nil, err
	}
	return h.approval(t, "A-1"), nil
}

// The form of a request has its fields in the order of the request, and belongs to approve.
func TestRequestBringsAForm(t *testing.T) {
	t.Parallel()
	schema := `{"type":"object","properties":{"zeta":{"type":"string"},"alpha":{"type":"number","minimum":0.10},"mid":{"type":"boolean"}},"required":["alpha"]}`
	for name, members := range map[string]string{
		"an object": `"other":{"a":1},"responseSchema":` + schema,
		"a text":    `"responseSchema":"` + strings.ReplaceAll(schema, `"`, `\"`) + `"`,
	} {
		a, err := askWith(t, members, bringsRules)
		require.NoError(t, err, name)
		require.Equal(t, []approval.Choice{
			{ID: "approve", Means: approval.Approve, Fields: []string{"zeta", "alpha", "mid"}},
			{ID: "reject", Means: approval.Reject},
		}, a.Choices, name)
		require.True(t, a.Form.Find("alpha").Required)
	}
	a, err := askWith(t, `"responseSchema":`+schema)
	require.NoError(t, err)
	require.Empty(t, a.Form.Fields, "only a place that the configuration names is read")
	for _, none := range []string{`null`, `{}`, `""`} {
		a, err := askWith(t, `"responseSchema":`+none, bringsRules)
		require.NoError(t, err)
		require.Empty(t, a.Choices)
	}
}

// A request brings choices within what the configuration allows.
func TestRequestBringsChoices(t *testing.T) {
	t.Parallel()
	returns := func(w *handlers.Workflow) {
		w.Decision.RequestMeans = []approval.Outcome{approval.Approve, approval.Return}
	}
	a, err := askWith(t, `"ways":["approve",{"id":"no","title":{"de":"Nein"},"means":"reject","comment":"required"}]`, bringsRules)
	require.NoError(t, err)
	require.Equal(t, "Nein", a.Choices[1].LabelIn("de"))
	require.Equal(t, approval.CommentRequired, a.Choices[1].Comment)
	a, err = askWith(t, `"ways":["approve","return"]`, bringsRules, returns)
	require.NoError(t, err)
	require.Equal(t, approval.DefaultMaxRounds, a.MaxRounds)
	a, err = askWith(t, `"ways":[{"id":"yes","means":"approve"},"reject"],"responseSchema":{"properties":{"x":{"type":"string"}}}`, bringsRules)
	require.NoError(t, err)
	require.Equal(t, []string{"x"}, a.Choices[0].Fields, "fields that no choice names belong to those that approve")

	ids := make([]string, 9)
	for i := range ids {
		ids[i] = fmt.Sprintf(`{"id":"c%d","means":"approve"}`, i)
	}
	for members, want := range map[string]string{
		`"ways":["approve","return"]`:                                       "choices[1].means: a request may bring only choices that mean approve, reject",
		`"ways":["approve","perhaps"]`:                                      "choices[1] has no means",
		`"ways":[{"id":"approve","colour":"red"}]`:                          "choices[0] is not a choice",
		`"ways":[{"id":"approve","means":"reject"}]`:                        "choices[0].means: must be approve",
		`"ways":[{"id":"a","means":"approve"},{"id":"A","means":"reject"}]`: "choices[1].id: is the ID of another choice",
		`"ways":[{"id":"a","means":"approve","fields":["x"]}]`:              `choices[0].fields[0]: "x" is not a field`,
		`"ways":"approve"`:                                                  "is a text that is no JSON",
		`"ways":{"id":"approve"}`:                                           "is not a list",
		`"ways":[` + strings.Join(ids, ",") + `]`:                           "are 9, at most 8",
	} {
		_, err := askWith(t, members, bringsRules)
		requireField(t, "choices", err)
		require.ErrorContains(t, err, want, members)
	}
}

// A schema that is not supported refuses the request, and the reason names its places.
func TestRequestBringsAWrongForm(t *testing.T) {
	t.Parallel()
	for schema, want := range map[string]string{
		`{"properties":{"a":{"type":"string","pattern":"x"}}}`:  "properties.a.pattern is not supported",
		`{"properties":{"a":{"type":"number","value":"body"}}}`: "properties.a.value is not supported",
		`[1]`:     "is not an object",
		`"{not}"`: "is a text that is no JSON",
		`{"properties":{"a":{"type":"string","title":"` + strings.Repeat("x", form.MaxSchema) + `"}}}`: "is longer than",
	} {
		_, err := askWith(t, `"responseSchema":`+schema, bringsRules)
		requireField(t, "form", err)
		require.ErrorContains(t, err, want, schema)
		require.NotContains(t, err.Error(), "form:  ", "a fault of the whole form has no place")
	}
}

// The rules of the configuration come before those of a request.
func TestConfiguredRulesComeFirst(t *testing.T) {
	t.Parallel()
	a, err := askWith(t, `"purchase":{"total":1},"ways":["approve"],"responseSchema":{"properties":{"x":{"type":"string"}}}`,
		purchaseRules(), bringsRules)
	require.NoError(t, err)
	require.Nil(t, a.Form.Find("x"))
	require.Len(t, a.Choices, 2)
}
