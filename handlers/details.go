package handlers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/details"
)

// readDetails sets the details that approvers see. An approver who sees less than the request has is told: a configured
// detail without a value is shown as not given, and the values that no detail shows are named. Without configuration,
// approvers see the values of the body.
func (h *Request) readDetails(request *approval.Request, in Input, orderID string) error {
	f := &h.Workflow.Fields
	source := details.Source{
		Body:    in.Body,
		Secrets: f.Secrets,
		Own:     h.ownPlaces(in),
		OrderID: orderID,
		Token:   request.Token.Reveal(),
	}
	if f.Details == nil {
		request.Details = details.ReadAll(source)
		return nil
	}
	specs := make([]details.Spec, 0, len(f.Details))
	for _, d := range f.Details {
		values := d.findValues(request, in)
		field, note := d.NewField(values, source)
		if note != "" {
			request.ReadingNotes = append(request.ReadingNotes, note)
		}
		if d.Required && (field.State == approval.FieldNotGiven || field.State == approval.FieldUnreadable) {
			return missingField(in, "details."+d.Name, "is required, and the request does not have it", d.Value.Expressions)
		}
		request.Details = append(request.Details, field)
		specs = append(specs, d.Spec)
	}
	if !f.HideRest {
		request.Details = append(request.Details, details.ReadRest(source, specs, request.Details)...)
	}
	return nil
}

// findValues evaluates the expressions of a detail. One that fails is noted, because a text for people is no reason to
// refuse a request.
func (d Detail) findValues(request *approval.Request, in Input) (values details.Values) {
	for _, e := range []struct {
		name  string
		field Field[any]
		to    *any
	}{
		{"details." + d.Name, d.Value, &values.Value},
		{"details." + d.Name + ".before", d.Before, &values.Before},
		{"details." + d.Name + ".currency", d.Currency, &values.Currency},
	} {
		v, found, err := findField(e.name, e.field, in)
		switch {
		case err != nil:
			values.Failed = true
			request.ReadingNotes = append(request.ReadingNotes, fmt.Sprintf("a detail is not shown: %s", err))
		case found:
			*e.to = v
		}
	}
	return values
}

// ownPlaces returns the places in the body of the fields of the request. Approvers see these values
// elsewhere, or they are about the workflow and not about the request. Approvers that the workflow does not take from the
// request are content like any other.
func (h *Request) ownPlaces(in Input) [][]string {
	f := &h.Workflow.Fields
	var places [][]string
	for _, field := range []Field[string]{
		f.Order, f.Token, f.Callback, f.Step, f.Title, f.Requester, f.Execution, f.State, f.RetryCount, f.RedriveCount,
	} {
		places = appendOwnPlace(places, field, in)
	}
	places = appendOwnPlace(places, f.Started, in)
	places = appendOwnPlace(places, f.Deadline, in)
	places = appendOwnPlace(places, f.Timeout, in)
	places = appendOwnPlace(places, f.Form, in)
	places = appendOwnPlace(places, f.Choices, in)
	if len(h.Workflow.Approvers) == 0 || h.Workflow.RequestsAddApprovers {
		places = appendOwnPlace(places, f.Approvers, in)
	}
	return places
}

// isPlainPlace reports whether an expression is a place of the body without a calculation, such as body.order.id.
func isPlainPlace(expression string) bool {
	path, ok := strings.CutPrefix(expression, "body.")
	if !ok || path == "" || strings.HasSuffix(path, ".") || strings.Contains(path, "..") || path[0] == '.' {
		return false
	}
	for i := range len(path) {
		c := path[i]
		isName := c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !isName && c != '.' {
			return false
		}
	}
	return true
}

// appendOwnPlace appends the place of the body in which a field was found.
func appendOwnPlace[T any](places [][]string, f Field[T], in Input) [][]string {
	if f.Locate == nil || !slices.ContainsFunc(f.Expressions, isPlainPlace) { // other expressions cost time
		return places
	}
	source, empty := f.Locate(in)
	if empty || !isPlainPlace(source) {
		return places
	}
	return append(places, strings.Split(source, ".")[1:])
}
