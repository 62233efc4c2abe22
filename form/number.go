package form

import (
	"cmp"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/approval-relay/approval-relay/language"
)

// separators are the separators of numbers in a language. A group may also be separated by a space or an apostrophe.
type separators struct{ decimal, group string }

func separatorsOf(tag language.Tag) separators {
	base, region, _ := strings.Cut(string(tag), "-")
	switch {
	case base == "de" && (region == "CH" || region == "LI"):
		return separators{decimal: ".", group: "’"}
	case base == "de":
		return separators{decimal: ",", group: "."}
	}
	return separators{decimal: ".", group: ","}
}

var (
	jsonNumber  = regexp.MustCompile(`^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$`)
	digits      = regexp.MustCompile(`^\d+$`)
	wholeGroups = regexp.MustCompile(`^\d{1,3}( \d{3})+$`)
	// otherGroup is a number with a single separator that could separate groups in another language: 1.234 is more than a
	// thousand to a German, and less than two to an American.
	otherGroup = regexp.MustCompile(`^[1-9]\d{0,2}\.\d{3}$`)
)

// ParseNumber returns a number that was typed in a language as JSON writes it. It refuses a decimal that people of
// another language would read as thousands, such as 1.234 in English: a wrong guess is wrong by a factor of a thousand.
func ParseNumber(typed string, tag language.Tag) (json.Number, bool) {
	if tag == Plain {
		return json.Number(typed), jsonNumber.MatchString(typed)
	}
	sign, unsigned := "", strings.TrimPrefix(typed, "+")
	for _, minus := range []string{"-", "−"} {
		if rest, negative := strings.CutPrefix(typed, minus); negative {
			sign, unsigned = "-", rest
		}
	}
	s := separatorsOf(tag)
	whole, fraction, hasFraction := strings.Cut(unsigned, s.decimal)
	whole = joinGroups(whole, s.group)
	if whole == "" && hasFraction {
		whole = "0"
	}
	if !digits.MatchString(whole) || hasFraction && !digits.MatchString(fraction) {
		return "", false
	}
	text := cmp.Or(strings.TrimLeft(whole, "0"), "0") // numbers of JSON have no zeros at the beginning
	if hasFraction {
		text += "." + fraction
	}
	if otherGroup.MatchString(text) {
		return "", false
	}
	return json.Number(sign + text), true
}

// joinGroups removes the separators of thousands if they are in their places.
func joinGroups(whole, group string) string {
	groups := strings.NewReplacer(group, " ", "'", " ", "\u00a0", " ", "\u202f", " ").Replace(whole)
	if wholeGroups.MatchString(groups) {
		return strings.ReplaceAll(groups, " ", "")
	}
	return whole
}
