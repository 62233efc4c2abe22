package handlers

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
)

// secretName matches the names of fields with values that approvers do not see.
var secretName = regexp.MustCompile(`(?i)token|secret|password|credential|callback`)

// Limits of the details of a workflow without configured details.
const (
	maxDetails    = 20  // fields
	maxDetailName = 64  // bytes; a field with a longer name is left out
	maxDetail     = 512 // bytes; a longer value is cut
)

// readDetails returns the details that approvers see. Without configuration these are the plain values of the body and
// of its objects one level down. Values that look like secrets are left out, and so are the order ID and the fields
// that approvers see anyway or that are about the workflow.
func readDetails(f RequestFields, in Input, orderID, secret string) ([]approval.Field, error) {
	var out []approval.Field
	for _, d := range f.Details {
		v, found, err := findField("details."+d.Name, d.Value, in)
		if err != nil {
			return nil, err
		}
		if found {
			out = append(out, approval.Field{Name: d.Name, Value: v})
		}
	}
	if f.Details != nil {
		return out, nil
	}
	if text, ok := in.Body.(string); ok { // its other fields are in attributes
		in.Body = map[string]any{"message": text}
	}
	body, _ := in.Body.(map[string]any)
	body = maps.Clone(body)
	for _, name := range f.ownNames(in) {
		delete(body, name)
	}
	hide := func(text string) bool { return text == orderID || strings.Contains(text, secret) }
	return appendScalars(nil, body, hide, true), nil
}

// ownNames returns the names at the top of the body in which fields of the request were found.
func (f RequestFields) ownNames(in Input) []string {
	var names []string
	for _, field := range []Field[string]{
		f.Step, f.Title, f.Requester, f.Execution, f.State, f.RetryCount, f.RedriveCount,
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

// appendScalars appends the plain values of an object, and of the objects in it if nested is set.
func appendScalars(out []approval.Field, object map[string]any, hide func(text string) bool, nested bool) []approval.Field {
	for _, name := range sortedKeys(object) {
		if len(out) >= maxDetails || secretName.MatchString(name) || len(name) > maxDetailName {
			continue
		}
		if inner, ok := object[name].(map[string]any); ok && nested {
			out = appendScalars(out, inner, hide, false)
			continue
		}
		text, ok := scalarText(object[name])
		if !ok || hide(text) {
			continue
		}
		if len(text) > maxDetail {
			text = strings.ToValidUTF8(text[:maxDetail], "") + "… (cut)"
		}
		out = append(out, approval.Field{Name: name, Value: text})
	}
	return out
}
