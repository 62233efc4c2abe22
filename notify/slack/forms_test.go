package slack_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/untrusted"
)

// TestFormsBeyondSlack holds that a form that Slack cannot show whole is a link to the page.
func TestFormsBeyondSlack(t *testing.T) {
	t.Parallel()
	x := func(n int) string { return strings.Repeat("x", n) }
	for name, tc := range map[string]struct {
		good, bad string // a property
	}{
		"a long option": {
			`{"type": "string", "enum": ["` + x(75) + `"]}`,
			`{"type": "string", "enum": ["` + x(76) + `"]}`,
		},
		"a long option of several": {
			`{"type": "array", "items": {"type": "string", "enum": ["` + x(75) + `"]}}`,
			`{"type": "array", "items": {"type": "string", "enum": ["` + x(76) + `"]}}`,
		},
		"a long present text": {
			`{"type": "string", "default": "` + x(3000) + `"}`,
			`{"type": "string", "default": "` + x(3001) + `"}`,
		},
		"a long text is demanded": {`{"type": "string", "minLength": 3000}`, `{"type": "string", "minLength": 3001}`},
		"a long title":            {`{"type": "string", "title": "` + x(2000) + `"}`, `{"type": "string", "title": "` + x(2001) + `"}`},
		"a long description": {
			`{"type": "string", "description": "` + x(2000) + `"}`,
			`{"type": "string", "description": "` + x(2001) + `"}`,
		},
		"a time before 2001": {
			`{"type": "string", "format": "date-time", "default": "2001-09-09T01:46:40Z"}`,
			`{"type": "string", "format": "date-time", "default": "2001-09-09T01:46:39Z"}`,
		},
		"an option of invisible characters": {
			`{"type": "string", "oneOf": [{"const": "a", "title": "b"}]}`,
			`{"type": "string", "oneOf": [{"const": "a", "title": " "}]}`,
		},
	} {
		for isBad, property := range []string{tc.good, tc.bad} {
			f, faults := form.ParseSchema(json.RawMessage(`{"properties": {"f": ` + property + `}}`))
			if len(faults) > 0 {
				require.Equal(t, 1, isBad, "%s: %s", name, faults)
				continue
			}
			d := newDesk(t, true, func(r *approval.Request) {
				r.Form = f
				r.Choices = []approval.Choice{{ID: "approve", Means: approval.Approve, Fields: []string{"f"}}}
			})
			m := d.slack.Messages()[0]
			if isBad == 1 {
				require.Equal(t, "open:approve open", buttons(m), name)
				require.NotEmpty(t, m.Blocks[len(m.Blocks)-1].Elements[0].URL, name)
				require.Equal(t, http.StatusOK, d.press(alan, "open:approve"), "a link is opened by Slack itself")
				continue
			}
			require.Equal(t, "form:approve open", buttons(m), name)
			d.openForm(alan, "form:approve")
		}
	}
}

// TestEveryFormIsTaken holds that Slack takes every message and every modal, whatever the form: what is beyond its limits is
// a link to the page.
func TestEveryFormIsTaken(t *testing.T) {
	t.Parallel()
	texts := rapid.OneOf(
		rapid.StringN(1, 40, 120),
		rapid.SampledFrom([]string{"&<>", "Grenze in €", "<!channel>", strings.Repeat("ü", 75), strings.Repeat("x", 76),
			strings.Repeat("long ", 500), "\u202e", " ", "a\nb", "{choice}"}),
	)
	rapid.Check(t, func(rt *rapid.T) {
		count := rapid.IntRange(0, form.MaxFields).Draw(rt, "fields")
		var f form.Form
		var names []string
		for i := range count {
			field := drawField(rt, fmt.Sprintf("f%d", i), texts)
			f.Fields = append(f.Fields, field)
			names = append(names, field.Name)
		}
		var choices []approval.Choice
		for i := range rapid.IntRange(1, approval.MaxChoices).Draw(rt, "choices") {
			choice := approval.Choice{
				ID:    fmt.Sprintf("c%d", i),
				Label: language.NewText(untrusted.Shorten("A"+texts.Draw(rt, "label"), approval.MaxChoiceLabel)), // never blank
				Means: rapid.SampledFrom([]approval.Outcome{approval.Approve, approval.Reject}).Draw(rt, "means"),
			}
			if i == 0 || rapid.Bool().Draw(rt, "has fields") {
				choice.Fields = names
			}
			choices = append(choices, choice)
		}
		d := newDesk(t, true, func(r *approval.Request) { r.Form, r.Choices = f, choices })
		for id := range strings.FieldsSeq(buttons(d.slack.Messages()[0])) {
			before := len(d.slack.Views())
			if strings.HasPrefix(id, "form:") || id == "comment" {
				require.Equal(rt, http.StatusOK, d.press(alan, id), id)
				require.Len(rt, d.slack.Views(), before+1, "%s: %s %s", id, d.lastReply(), d.log.String())
			}
		}
	})
}

func drawField(rt *rapid.T, name string, texts *rapid.Generator[string]) form.Field {
	f := form.Field{
		Name:        name,
		Kind:        rapid.SampledFrom([]form.Kind{form.String, form.Number, form.Integer, form.Boolean, form.One, form.Many}).Draw(rt, "kind"),
		Title:       language.NewText(texts.Draw(rt, "title")),
		Description: language.NewText(texts.Draw(rt, "description")),
		Required:    rapid.Bool().Draw(rt, "required"),
	}
	marshal := func(v any) json.RawMessage {
		b, err := json.Marshal(v)
		require.NoError(rt, err)
		return b
	}
	hasDefault := rapid.Bool().Draw(rt, "has a default")
	switch f.Kind {
	case form.String:
		f.Format = rapid.SampledFrom([]string{"", "", "email", "uri", "date", "date-time"}).Draw(rt, "format")
		if hasDefault {
			f.Default = marshal(map[string]string{
				"": texts.Draw(rt, "default"), "email": "ann@example.com", "uri": "https://example.com/x",
				"date": "2026-03-02", "date-time": "1999-01-01T00:00:00+01:00",
			}[f.Format])
		}
	case form.Number, form.Integer:
		f.Minimum = json.Number(rapid.SampledFrom([]string{"", "-5", "-1e300"}).Draw(rt, "minimum"))
		f.Maximum = json.Number(rapid.SampledFrom([]string{"", "1e3", "9007199254740991"}).Draw(rt, "maximum"))
		if hasDefault {
			f.Default = json.RawMessage(rapid.SampledFrom([]string{"1", "1e2", "1e100", "0.0000001"}).Draw(rt, "number"))
		}
	case form.Boolean:
		if hasDefault {
			f.Default = json.RawMessage("true")
		}
	case form.One, form.Many:
		for i := range rapid.IntRange(1, form.MaxOptions).Draw(rt, "options") {
			f.Options = append(f.Options, form.Option{
				Value: fmt.Sprintf("%d%s", i, strings.Repeat("v", 10*i)),
				Title: language.NewText(rapid.SampledFrom([]string{"", "A title", strings.Repeat("t", 75)}).Draw(rt, "option")),
			})
		}
		if hasDefault && f.Kind == form.One {
			f.Default = marshal(f.Options[0].Value)
		}
		if hasDefault && f.Kind == form.Many {
			f.Default = marshal([]string{f.Options[0].Value})
		}
	}
	return f
}
