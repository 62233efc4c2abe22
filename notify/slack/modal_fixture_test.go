package slack_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/notify/slack/slacktest"
)

// purchase has choices, fields of every kind and an edit.
func purchase(r *approval.Request) {
	r.Choices = []approval.Choice{
		{ID: "approve", Means: approval.Approve},
		{ID: "up_to", Label: language.Text{"en": "Approve up to a limit", "de": "Bis zu einer Grenze"}, Means: approval.Approve,
			Fields: []string{"limit", "since", "urgent", "kind", "tags", "note"}},
		{ID: "reject", Means: approval.Reject, Comment: approval.CommentRequired},
	}
	r.Form = mustParse(`{"properties": {
		"limit": {"type": "integer", "title": "Limit in EUR", "minimum": 1, "maximum": 5000, "default": 480},
		"since": {"type": "string", "format": "date-time"},
		"urgent": {"type": "boolean"},
		"kind": {"type": "string", "oneOf": [{"const": "a", "title": "Of kind A"}, {"const": "b", "title": "Of kind B"}]},
		"tags": {"type": "array", "items": {"type": "string", "enum": ["red", "green"]}, "minItems": 1},
		"note": {"type": "string", "maxLength": 20, "description": "For the buyer"}
	}, "required": ["limit", "kind"]}`)
}

func mustParse(schema string) form.Form {
	f, faults := form.ParseSchema(json.RawMessage(schema))
	if len(faults) > 0 {
		panic(faults[0].Error())
	}
	return f
}

// submit sends a modal, and returns how Slack goes on.
func (d *desk) submit(u slacktest.User, v slacktest.View, fill slacktest.Fill) slacktest.Answer {
	d.t.Helper()
	answer, err := d.submitAs(u, u.InTeam(), v, fill)
	require.NoError(d.t, err)
	return answer
}

func (d *desk) submitAs(
	u slacktest.User, in slacktest.Payload, v slacktest.View, fill slacktest.Fill,
) (slacktest.Answer, error) {
	rec := httptest.NewRecorder()
	d.in.ServeHTTP(rec, slacktest.Submit(signingSecret, began, u, in, v, fill))
	d.in.Wait()
	return slacktest.ReadAnswer(v, rec.Code, rec.Header().Get("Content-Type"), rec.Body.Bytes())
}

// openForm presses a button that opens a modal.
func (d *desk) openForm(u slacktest.User, action string) slacktest.View {
	d.t.Helper()
	before := len(d.slack.Views())
	require.Equal(d.t, http.StatusOK, d.press(u, action))
	views := d.slack.Views()
	require.Len(d.t, views, before+1, d.lastReply())
	return views[before]
}

// block returns a block of a modal.
func block(v slacktest.View, id string) slacktest.Block {
	for _, b := range v.Blocks {
		if b.BlockID == id {
			return b
		}
	}
	return slacktest.Block{}
}

func viewTexts(v slacktest.View) string {
	var out []string
	for _, b := range v.Blocks {
		if b.Text != nil {
			out = append(out, b.Text.Text)
		}
	}
	return strings.Join(out, "\n")
}
