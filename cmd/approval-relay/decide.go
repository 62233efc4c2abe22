package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
)

type decideCmd struct {
	Outcome string `arg:"" help:"approve, reject or return; left out if --choice is given."`
	Order   string `arg:"" optional:"" help:"The order ID."`

	Choice string   `help:"The ID of a choice of the approval, in place of the outcome."`
	Value  []string `sep:"none" placeholder:"NAME=VALUE" help:"A value of the approval's form; repeat the flag for more, and for each option of a list."`
	Values string   `placeholder:"FILE" help:"File with the values as a JSON object, or - for the standard input."`
	Shown  string   `placeholder:"DIGEST" help:"The shownDigest of the approval as show --json has it; refuse the decision if the request has changed since."`
	rulingFlags
}

// Run decides.
func (c *decideCmd) Run(w *world) error {
	in := api.DecideRequest{
		Outcome:    approval.Outcome(c.Outcome),
		Choice:     c.Choice,
		By:         c.onBehalfOf(w, c.By),
		Reason:     c.Reason,
		Step:       c.Step,
		Execution:  c.Execution,
		ApprovalID: c.Approval,

		ShownDigest: c.Shown,
	}
	var err error
	switch {
	case len(c.Value) > 0:
		in.Values, err = c.typeValues(w)
	case c.Values != "":
		in.Values, err = readValues(w, c.Values)
	}
	if err != nil {
		return err
	}
	return c.send(w, c.Order, "/decide", in)
}

// Validate tells the outcome and the order apart: with --choice, the order can be the only argument. It is called before
// Run.
func (c *decideCmd) Validate() error {
	if c.Order == "" && c.Choice != "" {
		c.Order, c.Outcome = c.Outcome, ""
	}
	switch {
	case c.Order == "":
		return errors.New("the order ID is missing: approval-relay decide approve ORDER --reason=…")
	case c.Value != nil && c.Values != "":
		return errors.New("--value and --values exclude each other")
	case c.Outcome == "" && c.Choice != "":
		return nil
	case !slices.Contains([]string{"approve", "reject", "return"}, c.Outcome):
		return fmt.Errorf("the outcome is approve, reject or return, not %q; a choice is given as --choice=ID", c.Outcome)
	}
	return nil
}

// readValues reads the values in a file.
func readValues(w *world, path string) (json.RawMessage, error) {
	text, err := readInput(w, path)
	if err != nil {
		return nil, err
	}
	if !json.Valid(text) {
		return nil, fmt.Errorf("the values in %s are not JSON", path)
	}
	return text, nil
}

// typeValues turns the flags into values of the types that the form of the approval has.
func (c *decideCmd) typeValues(w *world) (json.RawMessage, error) {
	fields, err := c.findForm(w)
	if err != nil {
		return nil, err
	}
	typed := map[string][]string{}
	var names []string
	for _, flag := range c.Value {
		name, value, ok := strings.Cut(flag, "=")
		switch {
		case !ok:
			return nil, errors.New("--value must be NAME=VALUE")
		case fields.Find(name) == nil:
			return nil, fmt.Errorf("the form of the approval has no field %q; it has %s", name, fieldNames(fields))
		}
		names = append(names, name)
		typed[name] = append(typed[name], value)
	}
	return fields.FromStrings(names, typed, form.Locale{Language: form.Plain}), nil
}

func fieldNames(f form.Form) string {
	var names []string
	for _, field := range f.Fields {
		names = append(names, field.Name)
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// findForm returns the form of the pending approval that the flags name.
func (c *decideCmd) findForm(w *world) (form.Form, error) {
	var o api.Order
	if err := c.call(w.ctx, "GET", orderPath(c.Order, ""), nil, &o); err != nil {
		return form.Form{}, err
	}
	var found []api.Approval
	for _, a := range o.Approvals {
		isMeant := a.Status == approval.Pending && (c.Approval == "" || a.ApprovalID == c.Approval) &&
			(c.Step == "" || a.Step == c.Step) && (c.Execution == "" || a.Execution == c.Execution)
		if isMeant {
			found = append(found, a)
		}
	}
	switch len(found) {
	case 0:
		return form.Form{}, errors.New("the order has no such pending approval")
	case 1:
		return found[0].DecisionForm(), nil
	}
	return form.Form{}, errors.New("several approvals of the order are pending: name one by --approval, --step or --execution")
}
