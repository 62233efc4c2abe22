package approval

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/approval-relay/approval-relay/jsonpointer"
)

// Limits of decision rules.
const (
	MaxChoiceLabel = 75 // characters; a button of Slack has no more
	MaxRoundsLimit = 100
	// DefaultMaxRounds bounds the rounds of a question that can be returned.
	DefaultMaxRounds = 5
)

// choiceID matches the ID of a choice.
var choiceID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$`)

// RuleFault is a fault of the choices, or of how they use the form.
type RuleFault struct {
	Place  string // within the rules, such as "choices[1].fields[0]"
	Reason string
}

// Faults returns the faults of the choices, of the use of their fields, and of the edits. The form itself was judged when it
// was read. A configuration and a request are judged alike.
func (r DecisionRules) Faults() []RuleFault {
	c := ruleCheck{rules: r, ids: map[string]bool{}, used: map[string]bool{}}
	c.checkChoices()
	c.checkUse()
	c.checkEdits()
	if r.MaxRounds < 0 || r.MaxRounds > MaxRoundsLimit {
		c.add("max_rounds", "must be 1 to %d", MaxRoundsLimit)
	}
	return c.faults
}

// ruleCheck collects the faults of rules.
type ruleCheck struct {
	rules  DecisionRules
	faults []RuleFault
	ids    map[string]bool // of choices, in lower case
	used   map[string]bool // fields of the form that belong to a choice
}

func (c *ruleCheck) add(place, format string, args ...any) {
	c.faults = append(c.faults, RuleFault{Place: place, Reason: fmt.Sprintf(format, args...)})
}

func (c *ruleCheck) checkChoices() {
	choices := c.rules.Choices
	if len(choices) > MaxChoices {
		c.add("choices", "are %d, at most %d are possible", len(choices), MaxChoices)
		return
	}
	decides := false
	for i, choice := range choices {
		c.checkChoice(fmt.Sprintf("choices[%d]", i), choice)
		decides = decides || choice.Means == Approve || choice.Means == Reject
	}
	if len(choices) > 0 && !decides {
		c.add("choices", "need one that means approve or reject; without it, nobody could decide in the last round")
	}
}

func (c *ruleCheck) checkChoice(at string, choice Choice) {
	key := strings.ToLower(choice.ID)
	word := Outcome(key)
	switch {
	case choice.ID == "":
		c.add(at+".id", "is missing")
	case !choiceID.MatchString(choice.ID):
		c.add(at+".id", "must be 1 to 63 letters, digits, dots, - and _, and begin with a letter or digit")
	case c.ids[key]:
		c.add(at+".id", "is the ID of another choice too")
	case choice.Means != "" && isOutcome(word) && choice.Means != word:
		c.add(at+".means", "must be %s, because the ID is that word", word)
	}
	c.ids[key] = true
	switch {
	case choice.Means == "":
		c.add(at+".means", "is missing: approve, reject, return or abstain")
	case !isOutcome(choice.Means):
		c.add(at+".means", "is none of approve, reject, return and abstain")
	}
	if choice.Comment != "" && choice.Comment != CommentOptional && choice.Comment != CommentRequired {
		c.add(at+".comment", "is neither optional nor required")
	}
	for tag, text := range choice.Label {
		if utf8.RuneCountInString(text) > MaxChoiceLabel {
			c.add(at+".label", "is longer than %d characters%s", MaxChoiceLabel, inLanguage(string(tag)))
		}
		if text != "" && isBlank(text) {
			c.add(at+".label", "is blank%s", inLanguage(string(tag)))
		}
	}
	for i, name := range choice.Fields {
		place := fmt.Sprintf("%s.fields[%d]", at, i)
		switch {
		case c.rules.Form.Find(name) == nil:
			c.add(place, "%q is not a field of the form", name)
		case slices.Contains(choice.Fields[:i], name):
			c.add(place, "%q is there twice", name)
		}
		c.used[name] = true
	}
}

func inLanguage(tag string) string {
	if tag == "" {
		return ""
	}
	return " in " + tag
}

// checkUse reports the fields of the form that no choice has.
func (c *ruleCheck) checkUse() {
	for _, f := range c.rules.Form.Fields {
		if !c.used[f.Name] {
			c.add("form.properties."+f.Name, "belongs to no choice: name it in the fields of one, or remove it")
		}
	}
}

func (c *ruleCheck) checkEdits() {
	names := slices.Sorted(maps.Keys(c.rules.Edits))
	for i, name := range names {
		at, pointer := "edits."+name, c.rules.Edits[name]
		if c.rules.Form.Find(name) == nil {
			c.add(at, "is not a field of the form")
		}
		switch tokens, err := jsonpointer.Parse(pointer); {
		case err != nil:
			c.add(at, "%s", err)
		case len(tokens) == 0:
			c.add(at, "is the whole request; name a part of it, such as /purchase/total")
		}
		for _, other := range names[:i] {
			if jsonpointer.Overlap(pointer, c.rules.Edits[other]) {
				c.add(at, "is the same part of the request as that of %s, or within it", other)
			}
		}
		for j, choice := range c.rules.Choices {
			if choice.Means != Approve && slices.Contains(choice.Fields, name) {
				c.add(fmt.Sprintf("choices[%d].fields", j), "has %s, which edits the request; only a choice that means approve can", name)
			}
		}
	}
}

// isOutcome reports whether a word is an outcome.
func isOutcome(word Outcome) bool {
	return word == Approve || word == Reject || word == Return || word == Abstain
}
