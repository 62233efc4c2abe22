package notify

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/untrusted"
)

// LabelledValue is a value of a form in words.
type LabelledValue struct{ Label, Value string }

// VoteValues lists the values of a vote in the words of the reader, in the order of the form.
func VoteValues(m approval.Message, v approval.Vote) []LabelledValue {
	var values map[string]json.RawMessage
	if json.Unmarshal(v.Values, &values) != nil {
		return nil
	}
	var out []LabelledValue
	for _, f := range m.Rules.Form.Fields {
		if raw, ok := values[f.Name]; ok {
			out = append(out, LabelledValue{
				Label: untrusted.SingleLine(f.Label(m.Language)),
				Value: untrusted.SingleLine(valueText(m, f, raw)),
			})
		}
	}
	return out
}

// Changes lists the edits of the request by approvers, in the words of the reader: "Limit: 480 → 50 (Ann)".
func Changes(m approval.Message) []string {
	var out []string
	for _, c := range m.Changes {
		label, field := c.Path, form.Field{}
		if f := m.Rules.Form.Find(c.Field); f != nil {
			label, field = f.Label(m.Language), *f
		}
		text := label + ": " + valueText(m, field, c.From) + " → " + valueText(m, field, c.To)
		if c.By != "" {
			text += " (" + VoterName(language.For(m.Language), c.By) + ")"
		}
		out = append(out, untrusted.SingleLine(text))
	}
	return out
}

// valueText returns a value in words: an option by its title, a number and a time as the reader's language has them.
func valueText(m approval.Message, f form.Field, raw json.RawMessage) string {
	words := language.For(m.Language)
	var text string
	var several []string
	var isTrue bool
	switch {
	case len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &text) == nil:
		if t, err := time.Parse(time.RFC3339, text); err == nil && f.Format == "date-time" {
			return FormatTime(m, t)
		}
		return optionTitle(m, f, text)
	case len(raw) > 0 && raw[0] == '[' && json.Unmarshal(raw, &several) == nil:
		for i, option := range several {
			several[i] = optionTitle(m, f, option)
		}
		return strings.Join(several, ", ")
	case json.Unmarshal(raw, &isTrue) == nil && isTrue:
		return words.Text("page.yes")
	case string(raw) == "false":
		return words.Text("page.no")
	case len(raw) == 0, string(raw) == "null":
		return words.Text("page.not_given")
	}
	return words.Number(json.Number(raw))
}

func optionTitle(m approval.Message, f form.Field, value string) string {
	i := slices.IndexFunc(f.Options, func(o form.Option) bool { return o.Value == value })
	if i >= 0 {
		if title := f.Options[i].Title.In(m.Language); title != "" {
			return title
		}
	}
	return value
}
