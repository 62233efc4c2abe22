package details

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/language"
)

// Spec is the configuration of a detail.
type Spec struct {
	Name     string
	Label    language.Text
	Kind     approval.FieldKind
	HasKind  bool     // otherwise the form of the value determines the kind
	Currency string   // of an amount
	Required bool     // a request without the value is refused
	Columns  []string // of a table: these come first
	// Source is the expression of the value, to find the places that it reads.
	Source string
	// OtherSources are further expressions that belong to the value, such as the expression of the value before.
	OtherSources []string
}

// Values are the values of the expressions of a Spec. A missing value is nil.
type Values struct {
	Value    any
	Before   any // of a difference
	Currency any // of an amount, if Spec.Currency is not set
	// Failed is set if an expression failed.
	Failed bool
}

// NewField returns a configured detail. The note says why its kind could not be used, or it is empty. The source has the
// secrets.
func (s Spec) NewField(values Values, source Source) (f approval.Field, note string) {
	f = approval.Field{Name: s.Name, Label: s.Label, Path: pointerOf(s.Source)}
	w := valueWriter{secrets: source.Secrets, token: source.Token, path: ownPath(s.Source)}
	switch {
	case values.Failed:
		f.State, f.Value = approval.FieldUnreadable, "(cannot be shown)"
		return f, ""
	case isEmpty(values.Value) && isEmpty(values.Before):
		f.State, f.Value = approval.FieldNotGiven, "(not given)"
		return f, ""
	}
	w.write(&f, values.Value, s.Columns)
	if f.Value == hiddenValue && w.hidden.count > 0 {
		f.State = approval.FieldHidden
		return f, ""
	}
	if s.HasKind {
		note = s.setKind(&f, values, &w)
	}
	if w.hidden.count > 0 {
		f.Value += "\n(not shown: " + w.hidden.String() + ")"
	}
	return f, note
}

// setKind gives the field the configured kind, as far as its value has the form of it.
func (s Spec) setKind(f *approval.Field, values Values, w *valueWriter) (note string) {
	table := f.Table
	f.Kind, f.Table = approval.KindText, nil
	text, isText := values.Value.(string)
	fault := ""
	switch s.Kind {
	case approval.KindText:
	case approval.KindLink:
		f.Kind = approval.KindLink
		if _, isLink := FindLink(f.Value); !isLink {
			f.Kind, fault = approval.KindText, "is not an https address with a plain host"
		}
	case approval.KindAmount:
		fault = s.setAmount(f, values)
	case approval.KindDate:
		f.Kind = approval.KindDate
		if _, _, ok := parseDate(f.Value); !ok {
			f.Kind, fault = approval.KindText, "is not a day such as 2026-07-02, or a time with its zone"
		}
	case approval.KindMarkdown:
		f.Kind = approval.KindMarkdown
		if !isText || text == "" {
			f.Kind, fault = approval.KindText, "is not a text"
		}
	case approval.KindTable:
		f.Kind, f.Table = approval.KindTable, table
		if table == nil {
			f.Kind = approval.KindText
			fault = fmt.Sprintf("is not a list of at most %d objects with at most %d members", maxRows, maxColumns)
		}
	case approval.KindDifference:
		f.Kind = approval.KindDifference
		setDifference(f, values, w)
	case approval.KindPicture, approval.KindDocument:
		f.Kind = s.Kind
		if fault = setFile(f, values.Value, w); fault != "" {
			f.Kind = approval.KindText
		}
	}
	if fault != "" {
		return fmt.Sprintf("the detail %s is shown as a text: its value %s", s.Name, fault)
	}
	return ""
}

var (
	currencyCode = regexp.MustCompile(`^[A-Z]{3}$`)
	plainNumber  = regexp.MustCompile(`^-?[0-9]+(?:\.[0-9]+)?$`)
)

// IsCurrency reports whether a text is the code of a currency, as ISO 4217 writes it.
func IsCurrency(text string) bool { return currencyCode.MatchString(text) }

// setAmount makes an amount of a number. The request may have the number and the currency in an object.
func (s Spec) setAmount(f *approval.Field, values Values) (fault string) {
	number, currency := values.Value, s.Currency
	if currency == "" {
		currency, _ = values.Currency.(string)
	}
	if object, ok := values.Value.(map[string]any); ok {
		var own string
		if number, own, ok = readAmount(object); !ok {
			return "is an object with other members than an amount and its currency"
		}
		if currency != "" && own != "" && !strings.EqualFold(own, currency) {
			return "has another currency than the configuration names"
		}
		currency = cmp.Or(currency, own)
	}
	text, ok := ScalarText(number)
	currency = strings.ToUpper(strings.TrimSpace(currency))
	switch {
	case !ok || !plainNumber.MatchString(text):
		return "is not a number"
	case currency != "" && !IsCurrency(currency):
		return "has a currency that is not a code of three letters"
	}
	f.Kind, f.Currency = approval.KindAmount, currency
	f.Value = strings.TrimSpace(text + " " + currency)
	return ""
}

// readAmount returns the number and the currency of an object that has nothing else. With another member, approvers would
// see less than the request has.
func readAmount(object map[string]any) (number any, currency string, ok bool) {
	for name, v := range object {
		switch name {
		case "amount", "value":
			ok = number == nil && v != nil
			number = v
		case "currency", "currencyCode":
			text, isText := v.(string)
			ok = isText && currency == ""
			currency = strings.TrimSpace(text)
		default:
			ok = false
		}
		if !ok {
			return nil, "", false
		}
	}
	return number, currency, number != nil
}

// parseDate reads a day, or a time with its zone.
func parseDate(text string) (t time.Time, isDay, ok bool) {
	text = strings.TrimSpace(text)
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, true, true
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	return t, false, err == nil
}

// references matches the places of the body that an expression reads.
var references = regexp.MustCompile(`\bbody((?:\??\.\??[A-Za-z_]\w*|\[\??"[^"]{1,200}"\])+)`)

// step matches a name of a place.
var step = regexp.MustCompile(`\??\.\??([A-Za-z_]\w*)|\[\??"([^"]*)"\]`)

// findReferences returns the places of the body that an expression reads. The last names of a place may be functions.
func findReferences(expression string) []path {
	var found []path
	for _, match := range references.FindAllStringSubmatch(expression, -1) {
		var p path
		for _, name := range step.FindAllStringSubmatch(match[1], -1) {
			p = append(p, name[1]+name[2])
		}
		found = append(found, p)
	}
	return found
}

// plainPath returns the place of an expression that is a place and nothing else, or nil.
func plainPath(expression string) path {
	expression = strings.TrimSpace(expression)
	if references.FindString(expression) != expression || expression == "" {
		return nil
	}
	return findReferences(expression)[0]
}

// pointerOf returns the JSON Pointer of an expression that is a place, or "".
func pointerOf(expression string) string { return plainPath(expression).pointer() }

// ownPath returns the path of an expression in words, for the names of what is hidden in its value.
func ownPath(expression string) string {
	p := plainPath(expression)
	if len(p) == 0 {
		return ""
	}
	return p[len(p)-1:].dotted()
}
