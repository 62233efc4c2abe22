package canonical

import (
	"encoding/json"
	"strconv"
	"strings"
)

// FormatNumber returns the canonical form of a number of JSON, as ECMAScript writes it. It reports false if a reader with
// 64-bit floating-point numbers, as JavaScript has them, would read another number.
func FormatNumber(text string) (string, bool) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return "", false
	}
	if f == 0 {
		f = 0 // not -0
	}
	shortest, err := json.Marshal(f) // it has the rules of ECMAScript
	if err != nil {
		return "", false
	}
	digits, exponent, ok := Decimal(text)
	keptDigits, keptExponent, _ := Decimal(string(shortest))
	return string(shortest), ok && digits == keptDigits && exponent == keptExponent
}

// Decimal returns the significant digits of a number of JSON, with its sign, and the power of ten of the last digit:
// "-1250" and "-1.25e3" both are -125 and 1. Zero has no digits.
func Decimal(text string) (digits string, exponent int, ok bool) {
	mantissa, power, hasPower := strings.Cut(strings.ToLower(text), "e")
	if hasPower {
		var err error
		if exponent, err = strconv.Atoi(power); err != nil {
			return "", 0, false
		}
	}
	unsigned, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(unsigned, ".")
	exponent -= len(fraction)
	digits = strings.TrimLeft(whole+fraction, "0")
	trimmed := strings.TrimRight(digits, "0")
	exponent += len(digits) - len(trimmed)
	switch {
	case trimmed == "":
		return "", 0, true
	case negative:
		return "-" + trimmed, exponent, true
	}
	return trimmed, exponent, true
}
