package setup

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/secret"
)

// Severity distinguishes faults from warnings.
type Severity int

const (
	// Fault is a setting that the program cannot run with.
	Fault Severity = iota
	// Warning is a setting that is most likely a mistake.
	Warning
)

// Check receives the findings about a part of the configuration, such as the settings of a channel. Names of fields are
// relative to that part; the empty name is the part itself. A message never quotes a value that may be a secret.
type Check struct {
	path   string
	report func(path string, severity Severity, message string)
}

// NewCheck returns the Check of the part at a dotted path. The function is called for every finding.
func NewCheck(path string, report func(path string, severity Severity, message string)) *Check {
	return &Check{path: path, report: report}
}

// At returns the Check of a part within this part.
func (c *Check) At(name string) *Check { return &Check{path: c.Path(name), report: c.report} }

// Path returns the dotted path of a field.
func (c *Check) Path(name string) string {
	switch {
	case name == "":
		return c.path
	case c.path == "" || strings.HasPrefix(name, "["):
		return c.path + name
	}
	return c.path + "." + name
}

// Fault reports a setting that the program cannot run with.
func (c *Check) Fault(name, format string, args ...any) {
	c.report(c.Path(name), Fault, fmt.Sprintf(format, args...))
}

// Warn reports a setting that is most likely a mistake.
func (c *Check) Warn(name, format string, args ...any) {
	c.report(c.Path(name), Warning, fmt.Sprintf(format, args...))
}

// FieldError is an error about a field of a part.
type FieldError struct {
	Field   string // relative to the part; empty for the part itself
	Message string
}

// NewFieldError returns an error about a field of a part.
func NewFieldError(field, format string, args ...any) error {
	return &FieldError{Field: field, Message: fmt.Sprintf(format, args...)}
}

// InField turns an error about a part into an error about the whole. The names of its fields then begin with the name
// of the part: "url" in the part "webhook" becomes "webhook.url".
func InField(name string, err error) error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var errs []error
		for _, part := range joined.Unwrap() {
			errs = append(errs, InField(name, part))
		}
		return errors.Join(errs...)
	}
	if field, ok := errors.AsType[*FieldError](err); ok {
		return &FieldError{Field: NewCheck(name, nil).Path(field.Field), Message: field.Message}
	}
	return &FieldError{Field: name, Message: err.Error()}
}

// Error returns "field: message".
func (e *FieldError) Error() string { return strings.TrimPrefix(e.Field+": "+e.Message, ": ") }

// Error reports an error, unless it is nil. A joined error becomes a fault for each of its parts, and a FieldError is
// reported at its own field.
func (c *Check) Error(name string, err error) {
	if err == nil {
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, part := range joined.Unwrap() {
			c.Error(name, part)
		}
		return
	}
	if field, ok := errors.AsType[*FieldError](err); ok {
		c.At(name).Fault(field.Field, "%s", field.Message)
		return
	}
	c.Fault(name, "%s", err)
}

// Required reports a text that is empty.
func (c *Check) Required(name, value string) {
	if value == "" {
		c.Fault(name, "is missing")
	}
}

// OneOf reports a value that is not in the list.
func (c *Check) OneOf(name, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		c.Fault(name, "%q is not one of %s%s", value, strings.Join(allowed, ", "), DidYouMean(value, allowed))
	}
}

// Enums reports every text field of a struct with a value that is not in the list of its tag, such as
// `enum:"json,text"`. It does not look into inlined structs.
func (c *Check) Enums(settings any) {
	v := reflect.ValueOf(settings).Elem()
	for f, value := range v.Fields() {
		if list := f.Tag.Get("enum"); list != "" && value.Kind() == reflect.String {
			c.OneOf(f.Tag.Get("yaml"), value.String(), strings.Split(list, ",")...)
		}
	}
}

// AtLeast reports a duration below the least.
func (c *Check) AtLeast(name string, value, least time.Duration) {
	if value < least {
		c.Fault(name, "is %s, the least is %s", FormatDuration(value), FormatDuration(least))
	}
}

// Between reports a duration outside of a range.
func (c *Check) Between(name string, value, least, most time.Duration) {
	if value < least || value > most {
		c.Fault(name, "is %s, must be %s to %s", FormatDuration(value), FormatDuration(least), FormatDuration(most))
	}
}

// FormatDuration returns a duration without its zero parts: 24h, not 24h0m0s.
func FormatDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Within reports a number outside of a range.
func (c *Check) Within(name string, value, least, most int) {
	if value < least || value > most {
		c.Fault(name, "is %d, must be %d to %d", value, least, most)
	}
}

// BaseURL reports a text that is not an absolute http or https URL without user and fragment.
func (c *Check) BaseURL(name, text string) {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.Fragment != "" {
		c.Fault(name, "must be an http or https URL with a host, and without user and fragment")
	}
}

// HTTPSURL reports a text that is not an absolute https URL. Links are sent to this URL, and the holder of a link may
// decide, so they must not travel in clear text. If allowInternal is set, the URL is in the internal network, and http
// is accepted too.
func (c *Check) HTTPSURL(name string, text secret.Text, allowInternal bool) {
	if u, err := url.Parse(text.Reveal()); err == nil && u.Scheme == "http" && !allowInternal {
		c.Fault(name, "must be https, because links are sent there; http is for internal addresses (allow_internal)")
		return
	}
	c.BaseURL(name, text.Reveal())
}

// RoleARN reports a text that is neither empty nor the ARN of an IAM role, such as arn:aws:iam::111122223333:role/mail.
func (c *Check) RoleARN(name, arn string) {
	if arn != "" && (!strings.HasPrefix(arn, "arn:") || !strings.Contains(arn, ":role/")) {
		c.Fault(name, "must be the ARN of a role, such as arn:aws:iam::111122223333:role/NAME")
	}
}

// TopicARN reports a text that is not the ARN of an SNS topic.
func (c *Check) TopicARN(name, arn string) {
	if parts := strings.Split(arn, ":"); len(parts) != 6 || parts[0] != "arn" || parts[2] != "sns" || parts[5] == "" {
		c.Fault(name, "must be the ARN of a topic, such as arn:aws:sns:eu-west-1:111122223333:NAME")
	}
}

// Secrets reports a list of secrets that is empty.
func (c *Check) Secrets(name string, secrets []secret.Text, purpose string) {
	if len(secrets) == 0 {
		c.Fault(name, "are missing: %s", purpose)
	}
}

// FaultsOf validates settings and returns their faults as a joined error; each of them is a FieldError. It is for
// constructors that are called without a configuration file.
func FaultsOf(settings Validator) error {
	var faults []error
	settings.Validate(NewCheck("", func(path string, severity Severity, message string) {
		if severity == Fault {
			faults = append(faults, &FieldError{Field: path, Message: message})
		}
	}))
	return errors.Join(faults...)
}
