package slack

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/notify"
	"github.com/approval-relay/approval-relay/untrusted"
)

// Limits of a modal, in characters (https://docs.slack.dev/reference/views/modal-views). It has at most 100 blocks: a
// form of 20 fields and the details of a message are fewer.
const (
	maxModalTitle = 24
	maxMetadata   = 3000
)

// The callback ID of our modals, and the block IDs of the inputs beside the fields.
const (
	modalCallback = "approval-relay"
	commentBlock  = "comment"
	choiceBlock   = "choice"
)

// dialog is the subject of a modal. It travels in the modal's private metadata.
type dialog struct {
	Button string `json:"b"`           // the value of a button
	Choice string `json:"c,omitempty"` // the ID of the choice; empty if the modal asks for it
}

// parseDialog reads the private metadata of a modal.
func parseDialog(metadata string) (dialog, bool) {
	var d dialog
	err := json.Unmarshal([]byte(metadata), &d)
	return d, err == nil && d.Button != ""
}

// modal is a modal in the making.
type modal struct {
	dialog dialog
	order  *approval.Order
	rules  *approval.Approval
	choice *approval.Choice // nil if the modal asks for it
	tag    language.Tag
	words  language.Words
	// changed adds the present details, because the reader has seen others.
	changed bool
}

// view returns the modal in the format of Slack, or nil if Slack cannot show it whole.
func (m modal) view() *slack.ModalViewRequest {
	metadata, err := json.Marshal(m.dialog)
	if err != nil || utf8.RuneCount(metadata) > maxMetadata {
		return nil
	}
	inputs := m.inputs()
	if inputs == nil {
		return nil
	}
	title, submit := m.words.Text("slack.modal.title"), m.words.Text("slack.modal.send")
	if m.choice != nil {
		title = labelOf(*m.choice, m.tag)
		if utf8.RuneCountInString(title) <= maxModalTitle {
			submit = title
		}
	}
	view := &slack.ModalViewRequest{
		Type:            slack.VTModal,
		Title:           plainText(untrusted.Shorten(title, maxModalTitle)),
		Submit:          plainText(submit),
		Close:           plainText(m.words.Text("slack.modal.cancel")),
		PrivateMetadata: string(metadata),
		CallbackID:      modalCallback,
	}
	view.Blocks.BlockSet = m.heading()
	for _, input := range inputs {
		view.Blocks.BlockSet = append(view.Blocks.BlockSet, input)
	}
	return view
}

// heading returns the title of the request and, if the request has changed since the reader saw it, its details.
func (m modal) heading() []slack.Block {
	message := m.order.ComposeMessage(m.rules, &approval.Notification{Kind: approval.NotifyRequest})
	message.Language = m.tag
	content := notify.NewContent(message, notify.Limits{Details: maxDetails})
	text := "*" + escapeLine(content.Title, maxLine) + "*\n" + escapeLine(message.OrderID, maxLine)
	if m.choice != nil {
		text += "\n" + escapeLine(labelOf(*m.choice, m.tag), maxLine)
	}
	if !m.changed {
		return []slack.Block{newSection(text)}
	}
	blocks := []slack.Block{newSection(":warning: " + m.words.Text("slack.modal.changed")), newSection(text)}
	for _, detail := range renderDetails(content, maxMessage) {
		blocks = append(blocks, newSection(detail))
	}
	return blocks
}

// inputs returns the inputs of the modal, or nil if Slack cannot show a field. There is always one for the comment.
func (m modal) inputs() []*slack.InputBlock {
	var inputs []*slack.InputBlock
	if m.choice == nil {
		inputs = append(inputs, m.choiceInput())
	} else {
		for _, name := range m.choice.Fields {
			field := m.rules.Form.Find(name)
			if field == nil {
				return nil
			}
			input := newInput(*field, m.tag)
			if input == nil {
				return nil
			}
			inputs = append(inputs, input)
		}
	}
	comment := slack.NewPlainTextInputBlockElement(nil, inputAction).WithMultiline(true).WithMaxLength(maxTyped)
	isOptional := m.choice == nil || m.choice.Comment != approval.CommentRequired
	block := slack.NewInputBlock(commentBlock, plainText(m.words.Text("slack.modal.comment")), nil, comment)
	return append(inputs, block.WithOptional(isOptional))
}

// choiceInput returns the input that asks for a choice without fields.
func (m modal) choiceInput() *slack.InputBlock {
	var options []*slack.OptionBlockObject
	for _, choice := range m.rules.Offered() {
		if !choice.NeedsInput() {
			label := plainText(untrusted.Shorten(labelOf(choice, m.tag), maxOption))
			options = append(options, slack.NewOptionBlockObject(choice.ID, label, nil))
		}
	}
	buttons := slack.NewRadioButtonsBlockElement(inputAction, options...)
	return slack.NewInputBlock(choiceBlock, plainText(m.words.Text("slack.modal.choice")), nil, buttons)
}

// errors returns the faults of a decision beside the inputs of the modal, by block ID. Slack shows errors only there, so a
// fault of anything else is shown at the first input, with its name.
func (m modal) errors(faults []form.Fault) map[string]string {
	inputs := m.inputs()
	if len(inputs) == 0 {
		return nil
	}
	has := map[string]bool{}
	for _, input := range inputs {
		has[input.BlockID] = true
	}
	texts := map[string][]string{}
	for _, f := range faults {
		text := f.Text(m.words)
		switch {
		case has[fieldBlock(f.Field)]:
			texts[fieldBlock(f.Field)] = append(texts[fieldBlock(f.Field)], text)
		case (f.Field == commentBlock || f.Field == choiceBlock) && has[f.Field]:
			texts[f.Field] = append(texts[f.Field], text)
		default:
			if f.Field != "" {
				text = untrusted.SingleLine(f.Field) + ": " + text
			}
			first := inputs[0].BlockID
			texts[first] = append(texts[first], text)
		}
	}
	out := map[string]string{}
	for block, list := range texts {
		out[block] = strings.Join(list, " ")
	}
	return out
}

// newEndView returns a modal with the reason why a decision does not count. It keeps the comment, so that it can be copied.
func newEndView(words language.Words, text, comment string) *slack.ModalViewRequest {
	view := &slack.ModalViewRequest{
		Type:       slack.VTModal,
		Title:      plainText(words.Text("slack.modal.refused")),
		Close:      plainText(words.Text("slack.modal.close")),
		CallbackID: modalCallback,
	}
	view.Blocks.BlockSet = []slack.Block{newSection(escapeMarkup(text))}
	if comment = strings.TrimSpace(untrusted.MultiLine(comment)); comment != "" {
		quoted, _ := escapeUpTo(quoteLines(strings.Split(comment, "\n")), maxValue)
		view.Blocks.BlockSet = append(view.Blocks.BlockSet, newSection("*"+words.Text("slack.modal.comment")+":*\n"+quoted))
	}
	return view
}
