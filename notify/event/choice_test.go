package event_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/event"
	"github.com/approval-relay/approval-relay/notify/notifytest"
)

// decidedBy returns the event of an approval that these votes have decided.
func decidedBy(votes ...approval.Vote) approval.Message {
	m := notifytest.NewMessage()
	m.Kind = approval.NotifyEvent
	m.Event = "approval.decided"
	m.Status = approval.Approved
	m.Votes = votes
	m.Details = nil
	m.Rules.Choices = []approval.Choice{{ID: "approve", Means: approval.Approve}, {ID: "part", Means: approval.Approve}}
	return m
}

// The decisions of an event have their choice, values, changes and whether they are void. Without choices or a form of
// the approval's own, they have no such members.
func TestChoicesOfEvents(t *testing.T) {
	t.Parallel()
	m := decidedBy(approval.Vote{Outcome: approval.Approve, Choice: "approve", Void: true}, approval.Vote{
		Outcome: approval.Approve,
		Choice:  "part",
		Values:  json.RawMessage(`{"amount":400}`),
		Changes: []approval.Change{{Path: "/amount", From: json.RawMessage(`480`), To: json.RawMessage(`400`), By: "ann"}},
	})
	got, err := event.EncodePublic(m, 1<<20)
	require.NoError(t, err)
	require.Contains(t, string(got), `"choice":"approve","values":{},"changes":[],"void":true}`)
	require.Contains(t, string(got), `"choice":"part","values":{"amount":400},`+
		`"changes":[{"path":"/amount","from":480,"to":400,"by":"ann"}],"void":false}`)

	m.Rules = approval.DecisionRules{}
	got, err = event.EncodePublic(m, 1<<20)
	require.NoError(t, err)
	require.NotContains(t, string(got), `"choice"`)
	require.NotContains(t, string(got), `"void"`)
}

// An event that is too long loses the values of the first decisions, with a mark, and keeps those of the last.
func TestValuesOfLongEvents(t *testing.T) {
	t.Parallel()
	vote := approval.Vote{
		Outcome: approval.Approve,
		Choice:  "part",
		Values:  json.RawMessage(`{"note":"` + strings.Repeat("x", 30_000) + `"}`),
	}
	m := decidedBy(slices.Repeat([]approval.Vote{vote}, 20)...)
	got, err := event.EncodePublic(m, 256<<10)
	require.NoError(t, err)
	require.LessOrEqual(t, len(got), 256<<10)
	var decoded struct {
		Data struct {
			Outcome struct {
				Decisions []struct {
					Choice    string
					Values    json.RawMessage
					ValuesCut bool
				}
			}
		}
	}
	require.NoError(t, json.Unmarshal(got, &decoded))
	decisions := decoded.Data.Outcome.Decisions
	require.Len(t, decisions, 20)
	cut := 0
	for i, d := range decisions {
		require.Equal(t, "part", d.Choice)
		require.Equal(t, d.ValuesCut, string(d.Values) == "{}", i)
		if d.ValuesCut {
			require.Equal(t, cut, i, "the first are cut first")
			cut++
		}
	}
	require.Equal(t, 12, cut)
	require.JSONEq(t, string(vote.Values), string(decisions[19].Values))

	got, err = event.EncodePublic(m, 1000)
	require.NoError(t, err)
	require.NotContains(t, string(got), "xxx", "an event that never fits is as short as it can be")
}
