package slacktest

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"
)

// Input is the element of an input block
// (https://docs.slack.dev/reference/block-kit/blocks/input-block, "Compatible block elements").
type Input struct {
	Type             string   `json:"type"`
	ActionID         string   `json:"action_id"`
	Placeholder      *Text    `json:"placeholder"`
	FocusOnLoad      bool     `json:"focus_on_load"`
	Multiline        bool     `json:"multiline"`
	MinLength        *int     `json:"min_length"`
	MaxLength        *int     `json:"max_length"`
	InitialValue     *string  `json:"initial_value"`
	IsDecimalAllowed *bool    `json:"is_decimal_allowed"`
	MinValue         string   `json:"min_value"`
	MaxValue         string   `json:"max_value"`
	InitialDate      string   `json:"initial_date"`
	InitialDateTime  *int64   `json:"initial_date_time"`
	Options          []Option `json:"options"`
	InitialOption    *Option  `json:"initial_option"`
	InitialOptions   []Option `json:"initial_options"`
	MaxSelectedItems *int     `json:"max_selected_items"`
}

// Option is an option of a select, of checkboxes or of radio buttons.
type Option struct {
	Text  Text   `json:"text"`
	Value string `json:"value"`
}

// decimal matches the numbers that Slack takes.
var decimal = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

// fault returns the limit that an element breaks, or the empty text
// (https://docs.slack.dev/reference/block-kit/block-elements).
func (e *Input) fault() string {
	switch {
	case e.ActionID == "" || utf8.RuneCountInString(e.ActionID) > 255:
		return "action_id must have 1 to 255 characters"
	case e.Placeholder != nil && !e.Placeholder.isPlain(150):
		return "placeholder must be plain_text of 1 to 150 characters"
	}
	switch e.Type {
	case "plain_text_input":
		return e.faultOfText()
	case "number_input":
		return e.faultOfNumber()
	case "email_text_input", "url_text_input":
		return ""
	case "datepicker":
		if _, err := time.Parse(time.DateOnly, e.InitialDate); err != nil && e.InitialDate != "" {
			return "initial_date must be YYYY-MM-DD"
		}
		return ""
	case "datetimepicker":
		if e.InitialDateTime != nil && (*e.InitialDateTime < 1e9 || *e.InitialDateTime >= 1e10) {
			return "initial_date_time must have 10 digits"
		}
		return ""
	case "static_select", "multi_static_select":
		return e.faultOfOptions(100)
	case "checkboxes", "radio_buttons":
		return e.faultOfOptions(10)
	}
	return fmt.Sprintf("an input block takes no element %q", e.Type)
}

func (e *Input) faultOfText() string {
	const limit = 3000
	least, most := 0, limit
	if e.MinLength != nil {
		least = *e.MinLength
	}
	if e.MaxLength != nil {
		most = *e.MaxLength
	}
	switch {
	case least < 0 || least > limit:
		return "min_length must be 0 to 3,000"
	case most < 1 || most > limit:
		return "max_length must be 1 to 3,000"
	case least > most:
		return "min_length is more than max_length"
	case e.InitialValue != nil && utf8.RuneCountInString(*e.InitialValue) > most:
		return "initial_value is longer than max_length"
	}
	return ""
}

func (e *Input) faultOfNumber() string {
	if e.IsDecimalAllowed == nil {
		return "is_decimal_allowed is required"
	}
	initial := ""
	if e.InitialValue != nil {
		initial = *e.InitialValue
	}
	for _, n := range []string{initial, e.MinValue, e.MaxValue} {
		if n != "" && !decimal.MatchString(n) {
			return "a value is no decimal number"
		}
	}
	least, hasLeast := new(big.Rat).SetString(e.MinValue)
	most, hasMost := new(big.Rat).SetString(e.MaxValue)
	if hasLeast && hasMost && least.Cmp(most) > 0 {
		return "min_value is greater than max_value"
	}
	return ""
}

func (e *Input) faultOfOptions(limit int) string {
	if len(e.Options) == 0 || len(e.Options) > limit {
		return fmt.Sprintf("options must have 1 to %d options", limit)
	}
	values := map[string]bool{}
	for i, o := range e.Options {
		if !o.Text.isPlain(75) || !hasLength(o.Value, 150) || values[o.Value] {
			return fmt.Sprintf("options[%d] must have a text of 1 to 75 and a value of its own of 1 to 150 characters", i)
		}
		values[o.Value] = true
	}
	chosen := e.InitialOptions
	if e.InitialOption != nil {
		chosen = append(chosen, *e.InitialOption)
	}
	for _, o := range chosen {
		if !slices.Contains(e.Options, o) {
			return "an initial option is no option"
		}
	}
	if m := e.MaxSelectedItems; m != nil && (*m < 1 || len(e.InitialOptions) > *m) {
		return "max_selected_items must be at least 1 and the number of initial options"
	}
	return ""
}
