package handlers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/canonical"
	"github.com/approval-relay/approval-relay/details"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/jsonpointer"
)

// DecisionRules are the choices, the form and the edits of the approvals of a workflow.
type DecisionRules struct {
	approval.DecisionRules // of every request, without the content and the digest of one
	// Values find the values of fields in a request, by the name of the field.
	Values map[string]Field[any]
	// RequestMeans are the outcomes of choices that come with a request. If it is empty, they are approve and reject.
	RequestMeans []approval.Outcome
}

// CompleteRules completes rules: a form without choices has the fields of approve, and the rounds of a question that can be
// returned are bounded.
func CompleteRules(rules approval.DecisionRules) approval.DecisionRules {
	if len(rules.Choices) == 0 && len(rules.Form.Fields) > 0 {
		approve := approval.Choice{ID: string(approval.Approve), Means: approval.Approve}
		for _, f := range rules.Form.Fields {
			approve.Fields = append(approve.Fields, f.Name)
		}
		rules.Choices = []approval.Choice{approve, {ID: string(approval.Reject), Means: approval.Reject}}
	}
	isReturn := func(c approval.Choice) bool { return c.Means == approval.Return }
	if rules.MaxRounds == 0 && slices.ContainsFunc(rules.Choices, isReturn) {
		rules.MaxRounds = approval.DefaultMaxRounds
	}
	return rules
}

// maxContent bounds the body of a request that approvers can edit, in bytes of JSON. It is kept in the record.
const maxContent = 48 << 10

// rulesOf returns the rules of a request: the rules of its workflow, with the form and the choices of the request.
func (h *Request) rulesOf(request *approval.Request, in Input) (approval.DecisionRules, error) {
	if h.Workflow.AgentShape == "" {
		return h.mergeRules(in)
	}
	rules, title, err := h.readAgent(in)
	if request.Title == "" {
		request.Title = title
	}
	return rules, err
}

// readDecisionRules sets the rules of the decision: choices, the form with its values of this request, and the
// content that can be edited.
func (h *Request) readDecisionRules(request *approval.Request, in Input) error {
	rules, err := h.rulesOf(request, in)
	if err != nil {
		return err
	}
	request.DecisionRules = rules
	if len(rules.Edits) == 0 && !rules.Receipt {
		request.Form = h.presetForm(request, in, nil)
		return nil
	}
	content, err := contentOf(in, request.Token.Reveal(), h.Workflow.Fields)
	if err != nil {
		return err
	}
	if request.RequestDigest, err = digestOf(content, rules.Payload); err != nil {
		return err
	}
	if rules.Receipt {
		request.Audience = audienceOf(request)
	}
	if len(rules.Edits) > 0 {
		if len(content) > maxContent {
			return approval.InvalidField("body", "is %d bytes long without its token; with decision.edits the most is %d",
				len(content), maxContent)
		}
		request.Content = content
	}
	for _, name := range sortedKeys(rules.Edits) {
		if _, found := jsonpointer.Find(content, rules.Edits[name]); !found {
			return approval.InvalidField("decision.edits."+name, "the request has nothing at %s", rules.Edits[name])
		}
	}
	request.Form = h.presetForm(request, in, content)
	return nil
}

// contentOf returns the body of a request as JSON, without its task token and callback URL: it leaves out their member at
// the top of the body, and every other place that repeats them.
func contentOf(in Input, secret string, f RequestFields) (json.RawMessage, error) {
	body, isObject := in.Body.(map[string]any)
	if !isObject {
		body = map[string]any{"message": in.Body}
	}
	body = maps.Clone(body)
	for _, field := range []Field[string]{f.Token, f.TokenElse, f.Callback} {
		source, _ := locateField(field, in)
		if path, ok := strings.CutPrefix(source, "body."); ok {
			name, _, _ := strings.Cut(path, ".")
			delete(body, name)
		}
	}
	kept, _ := withoutSecret(body, secret)
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(kept); err != nil {
		return nil, approval.InvalidField("body", "cannot be kept as JSON")
	}
	return bytes.TrimSpace(text.Bytes()), nil
}

// certainSecret is the least length of a secret whose occurrence in a text is no coincidence.
const certainSecret = 16

// isSecret reports whether a text has the token or callback URL.
func isSecret(text, secret string) bool {
	return text == secret || (len(secret) >= certainSecret && strings.Contains(text, secret))
}

// withoutSecret returns a copy of a value without the members and items that have the token or callback URL in their text.
// It returns false if nothing is left.
func withoutSecret(v any, secret string) (any, bool) {
	switch v := v.(type) {
	case string:
		return v, !isSecret(v, secret)
	case []any:
		items := make([]any, 0, len(v))
		for _, item := range v {
			if kept, ok := withoutSecret(item, secret); ok {
				items = append(items, kept)
			}
		}
		return items, true
	case map[string]any:
		members := make(map[string]any, len(v))
		for name, member := range v {
			if kept, ok := withoutSecret(member, secret); ok && !isSecret(name, secret) {
				members[name] = kept
			}
		}
		return members, true
	}
	return v, true
}

// digestOf returns the digest of the part of the content that a decision is about.
func digestOf(content json.RawMessage, payload string) (string, error) {
	part, found := jsonpointer.Find(content, payload)
	if !found {
		return "", approval.InvalidField("decision.payload", "the request has nothing at %s", payload)
	}
	digest, err := canonical.Digest(part)
	if err != nil {
		return "", approval.InvalidField("body"+strings.ReplaceAll(payload, "/", "."),
			"has no canonical form, so it cannot be signed: %s", err)
	}
	return digest, nil
}

// presetForm returns the form with the values of this request as defaults: those that the configuration finds, and
// otherwise the present values of the parts that can be edited. A value that the field does not allow is left out, with a
// note.
func (h *Request) presetForm(request *approval.Request, in Input, content json.RawMessage) form.Form {
	rules := &h.Workflow.Decision
	fields := slices.Clone(request.Form.Fields)
	for i, f := range fields {
		value, err := presentValue(f, rules.Values[f.Name], in, request.Token.Reveal())
		if pointer, edits := request.Edits[f.Name]; edits && value == nil && err == nil {
			value, _ = jsonpointer.Find(content, pointer)
		}
		if err == nil && value != nil {
			value, err = checkDefault(f, value)
		}
		switch {
		case err != nil:
			note := fmt.Sprintf("the value of the field %s in the request is not valid: %s", f.Name, err)
			request.ReadingNotes = append(request.ReadingNotes, note)
			fields[i].Default = nil
		case value != nil:
			fields[i].Default = value
		}
	}
	return form.Form{Fields: fields}
}

// presentValue returns the value of a field in this request, or nil.
func presentValue(f form.Field, at Field[any], in Input, secret string) (json.RawMessage, error) {
	value, found, err := findField("value", at, in)
	if err != nil || !found {
		return nil, err
	}
	if value, found = withoutSecret(value, secret); !found {
		return nil, errors.New("it is the task token or callback URL")
	}
	if text, isScalar := details.ScalarText(value); isScalar && (f.Kind == form.String || f.Kind == form.One) {
		value = text // an order number is a text for people
	}
	return json.Marshal(value)
}

// checkDefault returns the canonical form of a value, if the field allows it.
func checkDefault(f form.Field, value json.RawMessage) (json.RawMessage, error) {
	checked, faults := f.Check(value)
	if len(faults) > 0 {
		return nil, faults[0]
	}
	return checked, nil
}
