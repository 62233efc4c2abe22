package handlers

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
)

// secretName matches the names of fields with values that approvers do not see.
var secretName = regexp.MustCompile(
	`(?i)token|secret|password|passwd|passphrase|credential|callback|api[_-]?key|private[_-]?key|authorization`)

// Limits of the details of a workflow without configured details. What they leave out is named in the first detail.
const (
	maxDetails     = 50 // fields
	maxDetailDepth = 8  // levels of objects that become fields of their own; deeper objects become a text
)

// Values of configured details that have no value of the body.
const (
	notGiven    = "(not given)"
	notReadable = "(cannot be shown)"
	hiddenValue = "(hidden)"
	notShown    = "Not shown" // label of the note about what is left out
)

// readDetails sets the details that approvers see. An approver who sees less than the request has is told: a configured
// detail without a value is shown as not given. Without configuration, approvers see the values of the body, except
// those that look like secrets, the order ID, and the fields that approvers see anyway or that are about the workflow.
func (h *Request) readDetails(request *approval.Request, in Input, orderID string) {
	f := h.Workflow.Fields
	secret := request.Token.Reveal()
	if f.Details == nil {
		request.Details = readAllDetails(f, in, orderID, secret)
		return
	}
	for _, d := range f.Details {
		field := approval.Field{Name: d.Name}
		v, found, err := findField("details."+d.Name, d.Value, in)
		switch {
		case err != nil:
			field.Value = notReadable
			request.ReadingNotes = append(request.ReadingNotes, fmt.Sprintf("a detail is not shown: %s", err))
		case !found:
			field.Value = notGiven
		default:
			w := valueWriter{secret: secret}
			field.Value = w.text(v)
			if w.hidden.count > 0 && field.Value != hiddenValue {
				field.Value += "\n(not shown: " + w.hidden.String() + ")"
			}
		}
		request.Details = append(request.Details, field)
	}
}

// readAllDetails returns the values of the body, with a note about those that are left out.
func readAllDetails(f RequestFields, in Input, orderID, secret string) []approval.Field {
	if text, ok := in.Body.(string); ok { // its other fields are in attributes
		in.Body = map[string]any{"message": text}
	}
	body, _ := in.Body.(map[string]any)
	own := f.ownNames(in)
	c := detailCollector{orderID: orderID, secret: secret}
	for _, name := range sortedKeys(body) {
		if !slices.Contains(own, name) {
			c.add([]string{cutName(name)}, body[name])
		}
	}
	return c.fields()
}

// ownNames returns the names at the top of the body in which fields of the request were found.
func (f RequestFields) ownNames(in Input) []string {
	var names []string
	for _, field := range []Field[string]{
		f.Token, f.Callback, f.Step, f.Title, f.Requester, f.Execution, f.State, f.RetryCount, f.RedriveCount,
	} {
		names = appendOwnName(names, field, in)
	}
	names = appendOwnName(names, f.Started, in)
	return appendOwnName(names, f.Timeout, in)
}

// topName is a place at the top of the body.
var topName = regexp.MustCompile(`^body\.\w+$`)

// appendOwnName appends the name at the top of the body in which a field was found.
func appendOwnName[T any](names []string, f Field[T], in Input) []string {
	if f.Locate == nil || !slices.ContainsFunc(f.Expressions, topName.MatchString) { // other expressions cost time
		return names
	}
	source, _ := f.Locate(in)
	if name, ok := strings.CutPrefix(source, "body."); ok {
		names = append(names, name) // a longer path is the name of no value
	}
	return names
}

// detailCollector collects the values of a body.
type detailCollector struct {
	orderID string
	secret  string
	found   []collectedDetail
	leftOut leftOut
}

type collectedDetail struct {
	path  []string
	value string
}

// add adds a value, or the values of an object. Empty values have nothing to show.
func (c *detailCollector) add(path []string, v any) {
	name := path[len(path)-1]
	object, isObject := v.(map[string]any)
	text, isScalar := scalarText(v)
	switch {
	case isEmpty(v), isScalar && (text == c.orderID || text == c.secret):
		return
	case secretName.MatchString(name), isScalar && strings.Contains(text, c.secret), len(c.found) >= maxDetails:
		c.leftOut.add(strings.Join(path, "."))
		return
	case isObject && len(path) < maxDetailDepth:
		for _, inner := range sortedKeys(object) {
			c.add(append(slices.Clip(path), cutName(inner)), object[inner])
		}
		return
	}
	w := valueWriter{secret: c.secret, path: strings.Join(path, ".")}
	c.found = append(c.found, collectedDetail{path: path, value: w.text(v)})
	c.leftOut.merge(w.hidden)
}

// isEmpty reports whether a value is null, or a text, list or object without content.
func isEmpty(v any) bool {
	switch x := v.(type) {
	case nil:
		return true
	case string:
		return x == ""
	case []any:
		return len(x) == 0
	case map[string]any:
		return len(x) == 0
	}
	return false
}

// fields returns the details. The note about what is left out is the first, because channels leave out the last ones. A
// value in an object has the name of its own, or its whole path if another value has the same name.
func (c *detailCollector) fields() []approval.Field {
	var out []approval.Field
	if c.leftOut.count > 0 {
		out = append(out, approval.Field{Name: notShown, Value: c.leftOut.String()})
	}
	count := map[string]int{}
	for _, d := range c.found {
		count[d.path[len(d.path)-1]]++
	}
	for _, d := range c.found {
		name := d.path[len(d.path)-1]
		if count[name] > 1 {
			name = strings.Join(d.path, ".")
		}
		out = append(out, approval.Field{Name: name, Value: d.value})
	}
	return out
}
