package web

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
)

// formView is the page's form: the buttons of the choices, or the inputs of the choice that is opened.
type formView struct {
	Nonce   string
	Shown   string
	Choices []choiceView
	Opened  *openedView
	Kept    []inputView // the typed texts of inputs that are not shown
	Comment commentView
	Instant bool // a button decides at once
}

type choiceView struct {
	ID, Label string
	Class     string // approve, reject or other
	Opens     bool
}

type openedView struct {
	choiceView
	Fields []fieldView
}

type inputView struct{ Name, Value string }

type commentView struct {
	Value       string
	Required    bool
	RequiredFor []string // labels of the choices that require it
	Fault       string
	Focus       bool
}

// DescribedBy lists the IDs of the elements that describe the comment to a screen reader.
func (c commentView) DescribedBy() string {
	var ids []string
	if c.Fault != "" {
		ids = append(ids, "comment-fault")
	}
	if len(c.RequiredFor) > 0 {
		ids = append(ids, "comment-hint")
	}
	return strings.Join(ids, " ")
}

// faultView is a line of the summary of faults. Target is the ID of its input, or empty.
type faultView struct{ Target, Label, Text string }

func (p *Page) newFormView(v *visit) *formView {
	shown := v.order.ContentDigest(v.approval)
	f := &formView{Nonce: p.Links.FormNonce(v.capability, v.pageDigest(shown), v.now), Shown: shown}
	f.Comment.Required = true
	for _, c := range v.choices() {
		f.Choices = append(f.Choices, v.newChoiceView(c))
		f.Instant = f.Instant || !needsInput(&c, "")
		if c.Comment == approval.CommentRequired {
			f.Comment.RequiredFor = append(f.Comment.RequiredFor, v.label(c))
		} else {
			f.Comment.Required = false
		}
	}
	return f
}

func (r reader) newChoiceView(c approval.Choice) choiceView {
	class := "other"
	if c.Means == approval.Approve || c.Means == approval.Reject {
		class = string(c.Means)
	}
	return choiceView{
		ID:    c.ID,
		Label: r.label(c),
		Class: class,
		Opens: needsInput(&c, ""),
	}
}

// keep puts the typed texts back into the page, and opens the choice that was opened. If the request can no longer be
// decided, the page shows the texts, so that their writer can copy them.
func (page *view) keep(v *visit, s submission) {
	if page.Form == nil {
		page.Lost = v.lost(s)
		return
	}
	f := page.Form
	f.Comment.Value = s.comment
	choice := v.findChoice(s.opened)
	shown := []string{}
	if choice != nil {
		shown = choice.Fields
		f.open(v, choice, s)
	}
	for _, field := range v.approval.Form.Fields {
		if typed, sent := s.typed[field.Name]; sent && !slices.Contains(shown, field.Name) {
			for _, text := range typed {
				f.Kept = append(f.Kept, inputView{valuePrefix + field.Name, text})
			}
		}
	}
}

// open shows the inputs of a choice in place of the buttons.
func (f *formView) open(v *visit, choice *approval.Choice, s submission) {
	// A browser does not send a box that is not ticked, so the whole choice counts as sent if the page showed it.
	sent := s.opened == s.choice && s.wasOpen
	f.Opened = &openedView{choiceView: v.newChoiceView(*choice)}
	f.Comment.Required = choice.Comment == approval.CommentRequired
	f.Comment.RequiredFor = nil
	for i, field := range v.approval.Form.Fields {
		if !slices.Contains(choice.Fields, field.Name) {
			continue
		}
		typed, known := s.typed[field.Name]
		input := v.newField(i, field, typed, known || sent)
		if present := v.present(field.Name); present != nil {
			input.Present = v.text("page.field.present", "value", v.display(&field, present))
		}
		input.describe()
		f.Opened.Fields = append(f.Opened.Fields, input)
	}
}

// focusFirst lets the page open at the first input.
func (f *formView) focusFirst() {
	if f.Opened == nil {
		return
	}
	if len(f.Opened.Fields) > 0 {
		f.Opened.Fields[0].setFocus()
		return
	}
	f.Comment.Focus = true
}

// showFaults shows the faults in a summary, and each beside its input. The first faulty input gets the focus.
func (page *view) showFaults(v *visit, faults []form.Fault) {
	for i, fault := range faults {
		line := faultView{Text: v.fault(fault)}
		if page.Form != nil {
			line.Target, line.Label = page.Form.showFault(fault.Field, line.Text, i == 0)
		}
		if line.Target == "comment" {
			line.Label = v.text("page.comment")
		}
		page.Faults = append(page.Faults, line)
	}
	if page.Form != nil && page.Form.Opened != nil && len(faults) == 0 {
		page.Form.focusFirst()
	}
}

// showFault shows a fault beside its input, and returns the ID and the label of the input.
func (f *formView) showFault(name, text string, focus bool) (target, label string) {
	if f.Opened != nil {
		for i := range f.Opened.Fields {
			input := &f.Opened.Fields[i]
			if input.Name != valuePrefix+name {
				continue
			}
			input.Fault = text
			input.describe()
			if focus {
				input.setFocus()
			}
			return input.Target(), input.Label
		}
	}
	if name == "comment" {
		f.Comment.Fault, f.Comment.Focus = text, focus
		return "comment", ""
	}
	return "", ""
}

// fault returns the text of a fault.
func (r reader) fault(f form.Fault) string { return f.Text(r.Words) }

// lost lists the typed texts of a form that can no longer be sent.
func (v *visit) lost(s submission) []labelled {
	var out []labelled
	for _, name := range slices.Sorted(maps.Keys(s.typed)) {
		field := v.approval.Form.Find(name)
		for _, text := range s.typed[name] {
			if text != "" {
				value, _ := json.Marshal(text)
				out = append(out, labelled{v.fieldLabel(field), v.display(field, value)})
			}
		}
	}
	if s.comment != "" {
		out = append(out, labelled{v.text("page.comment"), s.comment})
	}
	return out
}
