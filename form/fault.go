package form

import (
	"encoding/json"
	"strconv"

	"github.com/approval-relay/approval-relay/language"
)

// FaultCode names the kind of a fault of a value. The catalogue of package language has a text for each of them, as
// "form.CODE", and "form.CODE.WANT" where a want needs another text.
type FaultCode string

// The faults of values.
const (
	Missing    FaultCode = "missing"    // a required value is missing, or empty
	Unknown    FaultCode = "unknown"    // the form, or the chosen choice, has no such field
	WrongType  FaultCode = "wrong_type" // Want is the kind
	TooShort   FaultCode = "too_short"  // Want is the limit, also in the following
	TooLong    FaultCode = "too_long"
	TooSmall   FaultCode = "too_small"
	TooGreat   FaultCode = "too_great"
	NoOption   FaultCode = "no_option"  // it is none of the options
	BadFormat  FaultCode = "bad_format" // Want is the format
	TooMany    FaultCode = "too_many"
	TooFew     FaultCode = "too_few"
	Repeated   FaultCode = "repeated"  // an option is chosen, or a value is given, twice
	Imprecise  FaultCode = "imprecise" // the number has more digits than JSON readers keep
	TooLarge   FaultCode = "too_large" // all values together
	NotOffered FaultCode = "not_offered"
)

// Fault is a fault of a value. It never has the value itself, because that may be a secret.
type Fault struct {
	Field string // the name of the field, "comment" or "choice"; empty for all values together
	Code  FaultCode
	Want  string // the limit, kind or format that the value does not have; may be empty
}

// AllFaults lists every code.
func AllFaults() []FaultCode {
	return []FaultCode{
		Missing,
		Unknown,
		WrongType,
		TooShort,
		TooLong,
		TooSmall,
		TooGreat,
		NoOption,
		BadFormat,
		TooMany,
		TooFew,
		Repeated,
		Imprecise,
		TooLarge,
		NotOffered,
	}
}

// Text returns the fault for people, as it stands beside the field, such as "Please give a number of at most 5,000.".
func (f Fault) Text(words language.Words) string {
	code := f.Code
	if f.Field == "choice" && f.Code == Missing && f.Want != "" {
		code = NotOffered // it lists the choices
	}
	key := "form." + string(code)
	if special := key + "." + f.Want; f.Want != "" && words.Text(special) != special {
		return words.Text(special)
	}
	want := f.Want
	if isNumber(want) {
		want = words.Number(json.Number(want))
	}
	return words.Text(key, "want", want)
}

func isNumber(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

// Error returns the fault in English, for programs and logs.
func (f Fault) Error() string {
	if f.Field == "" {
		return f.reason()
	}
	return f.Field + ": " + f.reason()
}

func (f Fault) reason() string { return f.Text(language.For("en")) }
