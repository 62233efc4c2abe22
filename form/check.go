package form

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/approval-relay/approval-relay/canonical"
)

// faults judges a value that is given.
func (f *Field) faults(v canonical.Value) []Fault {
	switch f.Kind {
	case String:
		return f.textFaults(v)
	case Number, Integer:
		return f.numberFaults(v)
	case Boolean:
		if v.Kind != canonical.Bool {
			return f.fault(WrongType, "boolean")
		}
		return nil
	case One:
		switch {
		case v.Kind != canonical.String:
			return f.fault(WrongType, "one")
		case !f.hasOption(v.Text):
			return f.fault(NoOption, "")
		}
		return nil
	case Many:
		return f.listFaults(v)
	}
	return f.fault(WrongType, string(f.Kind))
}

func (f *Field) fault(code FaultCode, want string) []Fault {
	return []Fault{{Field: f.Name, Code: code, Want: want}}
}

func (f *Field) hasOption(value string) bool {
	return slices.ContainsFunc(f.Options, func(o Option) bool { return o.Value == value })
}

func (f *Field) textFaults(v canonical.Value) []Fault {
	if v.Kind != canonical.String {
		return f.fault(WrongType, "string")
	}
	length := utf8.RuneCountInString(v.Text)
	switch {
	case length < f.MinLength:
		return f.fault(TooShort, strconv.Itoa(f.MinLength))
	case f.MaxLength != nil && length > *f.MaxLength:
		return f.fault(TooLong, strconv.Itoa(*f.MaxLength))
	case !isPlain(v.Text):
		return f.fault(BadFormat, "text")
	case f.Format != "" && !hasFormat(v.Text, f.Format):
		return f.fault(BadFormat, f.Format)
	}
	return nil
}

// isPlain reports whether a text has no control characters other than line breaks and tabs.
func isPlain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' })
}

func (f *Field) numberFaults(v canonical.Value) []Fault {
	if v.Kind != canonical.Number {
		return f.fault(WrongType, string(f.Kind))
	}
	text, ok := exactNumber(v.Text)
	if !ok {
		return f.fault(Imprecise, "")
	}
	number := parseNumber(json.Number(text))
	switch {
	case f.Kind == Integer && number != math.Trunc(number):
		return f.fault(WrongType, string(f.Kind))
	case f.Kind == Integer && math.Abs(number) > maxInteger:
		return f.fault(Imprecise, "")
	case f.Minimum != "" && number < parseNumber(f.Minimum):
		return f.fault(TooSmall, string(f.Minimum))
	case f.Maximum != "" && number > parseNumber(f.Maximum):
		return f.fault(TooGreat, string(f.Maximum))
	}
	return nil
}

// maxInteger is the greatest integer that every reader of JSON keeps: 2^53-1 (RFC 7493).
const maxInteger = 1<<53 - 1

// maxDigits is the number of significant digits that every 64-bit floating-point number keeps.
const maxDigits = 15

// exactNumber returns the canonical form of a number. It reports false if a reader of JSON could change the number: if it
// has more than 15 significant digits, unless it is an integer of at most 2^53-1.
func exactNumber(text string) (string, bool) {
	shortest, ok := canonical.FormatNumber(text)
	if !ok {
		return "", false
	}
	digits, exponent, ok := canonical.Decimal(text)
	if !ok {
		return "", false
	}
	if len(strings.TrimPrefix(digits, "-")) <= maxDigits {
		return shortest, true
	}
	return shortest, exponent >= 0 && math.Abs(parseNumber(json.Number(shortest))) <= maxInteger
}

// parseNumber returns the value of a number that exactNumber has accepted. Two of them compare as they are written.
func parseNumber(n json.Number) float64 {
	f, _ := n.Float64()
	return f
}

// hasInteger reports whether there is an integer within bounds that every reader of JSON keeps.
func hasInteger(low float64, hasLow bool, high float64, hasHigh bool) bool {
	first, last := float64(-maxInteger), float64(maxInteger)
	if hasLow {
		first = max(first, math.Ceil(low))
	}
	if hasHigh {
		last = min(last, math.Floor(high))
	}
	return first <= last
}

func (f *Field) listFaults(v canonical.Value) []Fault {
	if v.Kind != canonical.Array {
		return f.fault(WrongType, "many")
	}
	var chosen []string
	for _, item := range v.Items {
		switch {
		case item.Kind != canonical.String:
			return f.fault(WrongType, "many")
		case !f.hasOption(item.Text):
			return f.fault(NoOption, "")
		case slices.Contains(chosen, item.Text):
			return f.fault(Repeated, "")
		}
		chosen = append(chosen, item.Text)
	}
	switch {
	case len(chosen) < f.MinItems:
		return f.fault(TooFew, strconv.Itoa(f.MinItems))
	case f.MaxItems != nil && len(chosen) > *f.MaxItems:
		return f.fault(TooMany, strconv.Itoa(*f.MaxItems))
	}
	return nil
}
