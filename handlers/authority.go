package handlers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
)

// readApprovers returns the names of the approvers of a request, and notes about names that are not used. Who may
// decide comes from the configuration. A request names approvers only where the configuration names none, or where it
// states the place from which they are added.
func (h *Request) readApprovers(in Input) (names, notes []string, err error) {
	w, f := &h.Workflow, h.Workflow.Fields.Approvers
	if len(w.Approvers) > 0 && !w.RequestsAddApprovers {
		if source, empty := locateField(f, in); source != "" && !empty {
			notes = append(notes, fmt.Sprintf("the approvers in %s were not added: the workflow names its approvers, "+
				"and its configuration has no requests.fields.approvers", source))
		}
		return w.Approvers, notes, nil
	}
	named, found, err := findField("approvers", f, in)
	if err != nil {
		return nil, nil, err
	}
	if namesNobody(named) {
		source, _ := locateField(f, in)
		if len(w.Approvers) == 0 && (found || source != "") {
			return nil, nil, approval.InvalidField("approvers", "%s is in the message, and names nobody; "+
				"without it everybody with a link could decide", strings.TrimSpace(source+" "))
		}
		named = nil
	}
	return slices.Concat(w.Approvers, named), notes, nil
}

func namesNobody(names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return strings.TrimSpace(name) != "" })
}

// readRequester returns the person behind a request, or "" if the request names none.
func (h *Request) readRequester(in Input) (string, error) {
	text, found, err := findField("requester", h.Workflow.Fields.Requester, in)
	if err != nil || !found {
		return "", err
	}
	requester, err := h.Workflow.People.ReadPerson(text)
	if err != nil {
		return "", approval.InvalidField("requester", "%s", err)
	}
	return requester, nil
}

// noteOrder returns a note about an order ID that is the execution's, because the message names no order.
func (h *Request) noteOrder(in Input, orderID, execution string) []string {
	if source, _ := locateField(h.Workflow.Fields.Order, in); source != "" || orderID != execution {
		return nil
	}
	return []string{"the execution is the order: the message has none of the places of an order, " +
		"and requests.fields.order names none"}
}

// noteUnusedPlaces returns notes about the places of authority within data of others. A customer's order, which the
// state machine sends along, must not name its own approvers.
func (h *Request) noteUnusedPlaces(in Input) []string {
	var notes []string
	for _, place := range h.Workflow.Fields.NotUsed {
		source, empty := locateField(place.Value, in)
		if source == "" || empty {
			continue
		}
		notes = append(notes, fmt.Sprintf("%s is not used: without requests.fields.%s, this field is read at the top "+
			"of the message only", source, place.Field))
	}
	return notes
}

// AuthorityField is a field that determines who may decide, or until when, and its origin.
type AuthorityField struct {
	Name string
	// Source is the expression that found the value in the message, or "configuration", or "" if the field is not set.
	Source string
}

// fromConfiguration is the source of a field that the configuration sets.
const fromConfiguration = "configuration"

// authorityFields returns the origin of each field that gives authority. The input is one that Handle accepts.
func (h *Request) authorityFields(in Input) []AuthorityField {
	w, f := &h.Workflow, &h.Workflow.Fields
	located := func(source string, empty bool) string {
		if empty {
			return ""
		}
		return source
	}
	approvers := located(locateField(f.Approvers, in))
	switch {
	case len(w.Approvers) > 0 && (!w.RequestsAddApprovers || approvers == ""):
		approvers = fromConfiguration
	case len(w.Approvers) > 0:
		approvers = fromConfiguration + ", " + approvers
	}
	timeout := located(locateField(f.Timeout, in))
	if timeout == "" && w.TaskTimeout > 0 {
		timeout = fromConfiguration
	}
	deadline := fromConfiguration
	if source := located(locateField(f.Deadline, in)); source != "" {
		deadline += ", " + source
	}
	token := located(locateField(f.Token, in))
	if token == "" {
		token = located(locateField(f.TokenElse, in))
	}
	return []AuthorityField{
		{Name: "approvers", Source: approvers},
		{Name: "requester", Source: located(locateField(f.Requester, in))},
		{Name: "policy", Source: fromConfiguration},
		{Name: "deadline", Source: deadline},
		{Name: "timeout", Source: timeout},
		{Name: "target", Source: fromConfiguration},
		{Name: "token", Source: token},
		{Name: "callback", Source: located(locateField(f.Callback, in))},
	}
}

// RequestReading is a request as it was read, for a preview.
type RequestReading struct {
	Body      any      // the message out of its wrappers
	Notes     []string // what of the message was not used, and why
	Authority []AuthorityField
	Details   []approval.Field // with the notes about what is not shown, also where the configuration hides them
	Own       [][]string       // the places of the body in which fields of the request were found
}

// ReadForPreview returns how the fields of a message were read. The message is one that Handle accepts.
func (h *Request) ReadForPreview(msg *message.Message) (RequestReading, error) {
	in, err := h.open(msg)
	if err != nil {
		return RequestReading{}, err
	}
	counting := *h
	counting.Workflow.Fields.HideRest = false
	_, request, err := counting.readRequest(in)
	return RequestReading{
		Body:      in.Body,
		Notes:     request.ReadingNotes,
		Authority: h.authorityFields(in),
		Details:   request.Details,
		Own:       h.ownPlaces(in),
	}, err
}
