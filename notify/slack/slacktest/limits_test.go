package slacktest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type object = map[string]any

func plain(n int) object { return object{"type": "plain_text", "text": strings.Repeat("x", n)} }

func inputOf(element object) object {
	element["action_id"] = "v"
	return object{"type": "input", "block_id": "b", "label": plain(1), "element": element}
}

func options(n int) []object {
	var out []object
	for i := range n {
		out = append(out, object{"text": plain(75), "value": fmt.Sprint(i)})
	}
	return out
}

// TestLimitsOfModals holds that a modal at each documented limit is taken, and a modal one beyond it is not.
func TestLimitsOfModals(t *testing.T) {
	t.Parallel()
	section := object{"type": "section", "text": plain(3000)}
	sections := func(n int) []object { return slices.Repeat([]object{section}, n) }
	view := func(key string, value any) object {
		v := object{"type": "modal", "title": plain(24), "submit": plain(24), "blocks": sections(1)}
		if key == "input" {
			v["blocks"] = []object{inputOf(value.(object))}
		} else {
			v[key] = value
		}
		return v
	}
	text := func(key string, value any) object { return object{"type": "plain_text_input", key: value} }
	number := func(extra object) object {
		n := object{"type": "number_input", "is_decimal_allowed": true}
		maps.Copy(n, extra)
		return n
	}
	list := func(kind string, n int) object { return object{"type": kind, "options": options(n)} }
	for i, tc := range []struct {
		key        string
		good, evil any
	}{
		{"type", "modal", "home"},
		{"title", plain(24), plain(25)},
		{"title", plain(1), plain(0)},
		{"submit", plain(24), plain(25)},
		{"close", plain(24), plain(25)},
		{"private_metadata", strings.Repeat("ü", 3000), strings.Repeat("ü", 3001)},
		{"callback_id", strings.Repeat("x", 255), strings.Repeat("x", 256)},
		{"blocks", sections(80), sections(101)},
		{"blocks", sections(1), []object{}},
		{"blocks", []object{{"type": "section", "text": plain(3000)}}, []object{{"type": "section", "text": plain(3001)}}},
		{"blocks", []object{inputOf(text("min_length", 0))}, slices.Repeat([]object{inputOf(text("min_length", 0))}, 2)},
		{"input", text("max_length", 3000), text("max_length", 3001)},
		{"input", text("min_length", 3000), text("min_length", 3001)},
		{"input", text("initial_value", strings.Repeat("x", 3000)), text("initial_value", strings.Repeat("x", 3001))},
		{"input", text("placeholder", plain(150)), text("placeholder", plain(151))},
		{"input", number(nil), object{"type": "number_input"}},
		{"input", number(object{"initial_value": "-1.5"}), number(object{"initial_value": "1e3"})},
		{"input", number(object{"min_value": "2", "max_value": "10"}), number(object{"min_value": "10", "max_value": "2"})},
		{"input", object{"type": "datepicker", "initial_date": "2026-03-02"}, object{"type": "datepicker", "initial_date": "2.3.26"}},
		{"input", object{"type": "datetimepicker", "initial_date_time": 1772452800}, object{"type": "datetimepicker", "initial_date_time": 5}},
		{"input", list("static_select", 100), list("static_select", 101)},
		{"input", list("multi_static_select", 100), list("multi_static_select", 0)},
		{"input", list("radio_buttons", 10), list("radio_buttons", 11)},
		{"input", list("checkboxes", 10), list("checkboxes", 11)},
		{"input", list("static_select", 1), object{"type": "static_select", "options": []object{{"text": plain(76), "value": "1"}}}},
		{"input", object{"type": "email_text_input"}, object{"type": "file_upload"}},
	} {
		for isEvil, value := range []any{tc.good, tc.evil} {
			raw, err := json.Marshal(view(tc.key, value))
			require.NoError(t, err)
			_, code, fault := parseView(raw)
			require.Equal(t, isEvil == 1, code != "", "%d: %s: %s %s", i, tc.key, code, fault)
		}
	}
	unsent := view("input", text("min_length", 0))
	delete(unsent, "submit")
	raw, err := json.Marshal(unsent)
	require.NoError(t, err)
	_, code, _ := parseView(raw)
	require.NotEmpty(t, code, "an input cannot be sent without submit")
}

// TestAnswersToModals holds which responses to a submission Slack can show.
func TestAnswersToModals(t *testing.T) {
	t.Parallel()
	v := View{Blocks: []Block{{Type: "section", BlockID: "s"}, {Type: "input", BlockID: "i"}}}
	for body, isGood := range map[string]bool{
		``:                            true,
		`{"response_action":"clear"}`: true,
		`{"response_action":"errors","errors":{"i":"is missing"}}`:  true,
		`{"response_action":"errors","errors":{"s":"is no input"}}`: false,
		`{"response_action":"errors","errors":{"i":""}}`:            false,
		`{"response_action":"errors"}`:                              false,
		`{"response_action":"update","view":{"type":"modal"}}`:      false,
		`{"response_action":"close"}`:                               false,
		`ok`:                                                        false,
	} {
		_, err := ReadAnswer(v, 200, "application/json", []byte(body))
		require.Equal(t, isGood, err == nil, "%s: %v", body, err)
	}
	_, err := ReadAnswer(v, 200, "text/plain", []byte(`{"response_action":"clear"}`))
	require.Error(t, err)
	_, err = ReadAnswer(v, 500, "", nil)
	require.Error(t, err)
}
