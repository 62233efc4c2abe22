package teams

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/untrusted"
)

// Bounds of the card of a bot. Teams shows at most six buttons in a row.
const (
	buttonsInRow  = 5
	maxButton     = 75   // characters of a button
	maxRemark     = 300  // characters of a comment, or of the values of a vote
	maxVoteLines  = 20   // votes, or edits, in a card
	maxBotHeading = 4000 // bytes of notes around a form
)

// execute has the properties of Action.Execute:
// https://learn.microsoft.com/adaptive-cards/schema-explorer/action-execute.
type execute struct {
	Verb   string            `json:"verb,omitempty"`
	Data   map[string]string `json:"data,omitempty"`
	Style  string            `json:"style,omitempty"`
	Inputs string            `json:"associatedInputs,omitempty"`
}

// cardState is what a card shows beside the request.
type cardState struct {
	hasButtons bool
	note       string // in our own words
	// choice is the choice whose form the card shows, with what press has in its inputs. It is nil for no form.
	choice *approval.Choice
	press  *press
	faults []form.Fault
}

// errTooLarge is the error of a form that Teams cannot show whole.
var errTooLarge = errors.New("the form does not fit into a card")

// newBotCard returns the card of a message, with as many details as it can hold. If it is too large without any, its
// buttons make way for the link to the page. The error is errTooLarge for a form that cannot be shown whole.
func newBotCard(m approval.Message, s cardState) (card, error) {
	content := notify.NewContent(m, limits)
	content.Facts = slices.DeleteFunc(content.Facts, func(f notify.Fact) bool {
		return f.Key == notify.FactVotes // they are shown with their comments
	})
	inputs, buttons, ok := s.controls(m)
	if !ok {
		return card{}, errTooLarge
	}
	for {
		body := s.body(m, content)
		out := wrapCard(slices.Concat(body, inputs, buttons, newFooter(content)), nil)
		text, err := encode(out)
		if err != nil {
			return card{}, err
		}
		switch {
		case len(text) <= maxBody:
			return out, nil
		case len(content.Details) > 0:
			content.DropDetails(len(content.Details) - 1)
		case s.choice != nil:
			return card{}, errTooLarge
		case len(inputs) > 0:
			inputs, buttons = nil, linkOnly(m)
		default:
			return out, nil
		}
	}
}

// body returns what a card shows above its controls.
func (s cardState) body(m approval.Message, content notify.Content) []block {
	var body []block
	if s.note != "" {
		body = append(body, newStrong(s.note))
	}
	if m.Kind == approval.NotifyOutcome {
		content.Lead = content.Headline
	}
	body = append(body, newBody(content)...)
	words := language.For(m.Language)
	if changes := notify.Changes(m); len(changes) > 0 {
		body = append(body, newStrong(words.Text("page.changes")))
		for _, change := range changes[:min(len(changes), maxVoteLines)] {
			body = append(body, newLine(untrusted.Shorten(change, maxRemark), false))
		}
	}
	if m.Kind == approval.NotifyOutcome && m.Reason != "" {
		body = append(body, newFact(words.Text("teams.reason"), untrusted.Shorten(untrusted.SingleLine(m.Reason), maxRemark)))
	}
	return append(body, newVotes(m, words)...)
}

// newVotes returns how far the approval is, and its votes with their comments. A vote that no longer counts is struck
// through.
func newVotes(m approval.Message, words language.Words) []block {
	var out []block
	if len(m.Votes) > 0 && m.Kind != approval.NotifyOutcome {
		out = append(out, newStrong(words.Text("teams.progress",
			"approved", strconv.Itoa(m.Progress.Approved), "needed", strconv.Itoa(m.Progress.Needed))))
	}
	for i, v := range m.Votes {
		if i == maxVoteLines {
			return append(out, newNote(words.Count("teams.and_more", len(m.Votes)-i)))
		}
		line := notify.DescribeVote(words, untrusted.Shorten(notify.VoterName(words, v.By), maxHeading), v.Outcome)
		if c := slices.IndexFunc(m.Rules.Choices, func(c approval.Choice) bool { return c.ID == v.Choice }); c >= 0 {
			line += " (" + untrusted.Shorten(labelOf(m.Rules.Choices[c], m.Language), maxHeading) + ")"
		}
		var values []string
		for _, value := range notify.VoteValues(m, v) {
			values = append(values, value.Label+": "+value.Value)
		}
		if len(values) > 0 {
			line += ", " + untrusted.Shorten(strings.Join(values, ", "), maxRemark)
		}
		if v.Comment != "" {
			line += ": " + untrusted.Shorten(untrusted.SingleLine(v.Comment), maxRemark)
		}
		out = append(out, newLine(line, v.Void))
		if v.Void {
			out = append(out, newNote(words.Text("teams.void")))
		}
	}
	return out
}

// newLine returns a line with words from outside.
func newLine(text string, isStruck bool) block {
	return block{Type: "RichTextBlock", Spacing: "Small", Inlines: []run{{
		Type:   "TextRun",
		Text:   "• " + breakMacros(text),
		Strike: isStruck,
	}}}
}

// newStrong returns a line of our own words that stands out.
func newStrong(text string) block {
	return block{Type: "RichTextBlock", Inlines: []run{{Type: "TextRun", Text: text, Weight: "Bolder"}}}
}

// newFaultLine returns a fault. Its wants may be words from outside.
func newFaultLine(text string) block {
	return block{Type: "RichTextBlock", Spacing: "Small", Inlines: []run{{
		Type:   "TextRun",
		Text:   breakMacros(untrusted.SingleLine(text)),
		Weight: "Bolder",
		Colour: "Attention",
	}}}
}

// controls returns the inputs and the buttons of a card. It reports whether Teams can show them.
func (s cardState) controls(m approval.Message) (inputs, buttons []block, ok bool) {
	isPending := m.Kind != approval.NotifyOutcome && !m.Kind.IsNotice()
	switch {
	case s.choice != nil:
		return s.formControls(m)
	case s.hasButtons && isPending && !m.Button.IsZero():
		var actions []action
		for _, choice := range m.Rules.Offered() {
			actions = append(actions, choiceButton(m, choice))
		}
		return []block{newComment(m, "", false)}, newRows(append(actions, linkButtons(m)...)), true
	}
	return nil, linkOnly(m), true
}

// formControls returns the inputs of the form of a choice, each with its faults, and the buttons that send and leave it.
func (s cardState) formControls(m approval.Message) (inputs, buttons []block, ok bool) {
	words := language.For(m.Language)
	label := labelOf(*s.choice, m.Language)
	heading := newStrong(breakMacros(untrusted.Shorten(label, maxHeading)))
	heading.Separator = true
	inputs = append(inputs, heading)
	shown := map[string]bool{commentInput: true}
	for _, f := range m.Rules.FieldsOf(*s.choice) {
		b := newInput(f, m.Language, s.typed(fieldInput(f.Name)))
		if b == nil {
			return nil, nil, false
		}
		if text := untrusted.SingleLine(f.Description.In(m.Language)); text != "" {
			inputs = append(inputs, newOutsideNote(untrusted.Shorten(text, maxLabel)))
		}
		inputs = append(inputs, s.faultsOf(f.Name, words)...)
		inputs = append(inputs, *b)
		shown[f.Name] = true
	}
	inputs = append(inputs, s.faultsOf(commentInput, words)...)
	comment := ""
	if typed := s.typed(commentInput); typed != nil {
		comment = *typed
	}
	inputs = append(inputs, newComment(m, comment, s.choice.Comment == approval.CommentRequired))
	for _, fault := range s.faults {
		if !shown[fault.Field] {
			inputs = append(inputs, newFaultLine(fault.Field+": "+fault.Text(words)))
		}
	}
	send := executeButton(m, *s.choice, untrusted.Shorten(label, maxButton), stepSend)
	back := executeButton(m, *s.choice, words.Text("teams.back"), stepBack)
	back.Style, back.Inputs = "", "none"
	return inputs, newRows(append([]action{send, back}, linkButtons(m)...)), true
}

// typed returns what was typed into an input, or nil if the input was not there.
func (s cardState) typed(id string) *string {
	if s.press == nil {
		return nil
	}
	_, isThere := s.press.inputs[id]
	// A client may leave empty inputs out, so a form that was sent has them all.
	if !isThere && s.press.step != stepSend {
		return nil
	}
	text := s.press.text(id)
	return &text
}

// faultsOf returns the faults of an input.
func (s cardState) faultsOf(name string, words language.Words) []block {
	var out []block
	for _, f := range s.faults {
		if f.Field == name {
			out = append(out, newFaultLine(f.Text(words)))
		}
	}
	return out
}

// newComment returns the input of the comment.
func newComment(m approval.Message, typed string, isRequired bool) block {
	key := "teams.comment"
	if isRequired {
		key = "teams.comment_required"
	}
	in := &input{
		ID:        commentInput,
		Label:     language.For(m.Language).Text(key),
		Multiline: true,
		MaxLength: maxTyped,
	}
	in.setTyped(typed)
	return block{Type: "Input.Text", input: in}
}

// choiceButton returns the button of a choice. A choice that needs input answers with a form. Where Teams cannot show it,
// the button is a link to the page.
func choiceButton(m approval.Message, choice approval.Choice) action {
	label := labelOf(choice, m.Language)
	if !choice.NeedsInput() {
		return executeButton(m, choice, untrusted.Shorten(label, maxButton), "")
	}
	label = untrusted.Shorten(label, maxButton-1) + "…"
	if !canAsk(m, choice) && !m.Link.IsZero() {
		return action{Type: "Action.OpenUrl", Title: label, URL: m.Link.Reveal()}
	}
	return executeButton(m, choice, label, "")
}

// canAsk reports whether a card can show the form of a choice, with some room for faults and what is typed.
func canAsk(m approval.Message, choice approval.Choice) bool {
	inputs, buttons, ok := cardState{choice: &choice}.formControls(m)
	if !ok {
		return false
	}
	text, err := encode(slices.Concat(inputs, buttons))
	return err == nil && len(text) <= maxBody-maxBotHeading
}

func executeButton(m approval.Message, choice approval.Choice, title, step string) action {
	data := map[string]string{dataToken: m.Button.Reveal()}
	if step != "" {
		data[dataStep] = step
	}
	return action{
		Type:    "Action.Execute",
		Title:   title,
		execute: &execute{Verb: choice.ID, Data: data, Style: styleOf(choice)},
	}
}

// linkButtons returns the button that opens the page, if there is a link.
func linkButtons(m approval.Message) []action {
	if m.Link.IsZero() {
		return nil
	}
	title := language.For(m.Language).Text("teams.open")
	return []action{{Type: "Action.OpenUrl", Title: title, URL: m.Link.Reveal()}}
}

func linkOnly(m approval.Message) []block { return newRows(linkButtons(m)) }

// newRows returns buttons in rows.
func newRows(buttons []action) []block {
	var rows []block
	for row := range slices.Chunk(buttons, buttonsInRow) {
		rows = append(rows, block{Type: "ActionSet", Actions: row})
	}
	return rows
}

// labelOf returns the label of a choice on one line. It is never empty.
func labelOf(choice approval.Choice, tag language.Tag) string {
	if label := strings.TrimSpace(untrusted.SingleLine(choice.LabelIn(tag))); label != "" {
		return label
	}
	return untrusted.SingleLine(choice.ID)
}

// styleOf returns the style of a button.
func styleOf(choice approval.Choice) string {
	switch choice.Means {
	case approval.Approve:
		return "positive"
	case approval.Reject:
		return "destructive"
	case approval.Return, approval.Abstain:
	}
	return ""
}
