package slack

import (
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/untrusted"
)

// Limits of a button and of its confirmation dialog, in characters
// (https://docs.slack.dev/reference/block-kit/block-elements/button-element and
// .../composition-objects/confirmation-dialog-object), and the number of buttons in a row. An actions block may have 25
// elements, but more than five are hard to find on a phone.
const (
	maxButton       = 75
	maxConfirmTitle = 100
	maxConfirm      = 30
	maxQuestion     = 200 // of the text of the dialog
	buttonsInRow    = 5
)

// The IDs of buttons. A choice that an approval declares has its own ID after a prefix. Messages of older versions have
// approve and reject too.
const (
	actionApprove = "approve"
	actionReject  = "reject"
	actionOpen    = "open"
	actionComment = "comment" // opens a modal with a comment, for the choices without fields
	prefixDecide  = "choice:" // decides
	prefixForm    = "form:"   // opens a modal
	prefixPage    = "open:"   // is a link to the decision page
)

// buttonRows returns the buttons of a message: a button for each choice, a button that asks for a comment, and the link to
// the page. A choice that needs input opens a modal. Where Slack cannot show its form, its button is a link to the page.
func (c *Channel) buttonRows(m approval.Message, title string) []slack.Block {
	words := language.For(m.Language)
	var buttons []slack.BlockElement
	canComment := false
	if c.buttons && !m.HasVoted && !m.Button.IsZero() {
		for _, choice := range m.Rules.Offered() {
			buttons = append(buttons, c.choiceButton(m, choice, title, words))
			canComment = canComment || !choice.NeedsInput()
		}
	}
	if canComment && c.api != nil {
		label := plainText(words.Text("slack.button.comment"))
		buttons = append(buttons, slack.NewButtonBlockElement(actionComment, m.Button.Reveal(), label))
	}
	if !m.Link.IsZero() {
		open := slack.NewButtonBlockElement(actionOpen, "", plainText(words.Text("slack.button.open")))
		buttons = append(buttons, open.WithURL(m.Link.Reveal()))
	}
	var rows []slack.Block
	for row := range slices.Chunk(buttons, buttonsInRow) {
		rows = append(rows, slack.NewActionBlock("", row...))
	}
	return rows
}

// extraButtons returns the size of the values of the buttons beyond the first two: the size of a message is limited, and
// long details make way for them.
func (c *Channel) extraButtons(m approval.Message) int {
	if !c.buttons || m.HasVoted || m.Kind == approval.NotifyOutcome {
		return 0
	}
	return min(max(len(m.Rules.Offered())-1, 0)*len(m.Button.Reveal()), maxMessage/2)
}

// choiceButton returns the button of a choice.
func (c *Channel) choiceButton(m approval.Message, choice approval.Choice, title string, words language.Words) slack.BlockElement {
	name := labelOf(choice, m.Language)
	label := plainText(untrusted.Shorten(name, maxButton))
	if choice.NeedsInput() {
		label = plainText(untrusted.Shorten(name, maxButton-1) + "…")
		if c.api == nil || !canAsk(choice, &m.Rules.Form, m.Language) {
			if m.Link.IsZero() {
				return slack.NewButtonBlockElement(prefixPage+choice.ID, "", label)
			}
			return slack.NewButtonBlockElement(prefixPage+choice.ID, "", label).WithURL(m.Link.Reveal())
		}
		return slack.NewButtonBlockElement(prefixForm+choice.ID, m.Button.Reveal(), label).WithStyle(styleOf(choice))
	}
	confirm := slack.NewConfirmationBlockObject(
		plainText(untrusted.Shorten(words.Text("slack.confirm.title", "choice", name), maxConfirmTitle)),
		plainText(untrusted.Shorten(title, maxQuestion)),
		plainText(untrusted.Shorten(name, maxConfirm)),
		plainText(words.Text("slack.confirm.back")))
	return slack.NewButtonBlockElement(decideAction(choice, m), m.Button.Reveal(), label).
		WithStyle(styleOf(choice)).WithConfirm(confirm)
}

// decideAction returns the ID of a button that decides at once. Approve and reject of an approval without choices of its
// own are the buttons of older versions too.
func decideAction(choice approval.Choice, m approval.Message) string {
	if len(m.Rules.Choices) == 0 {
		return choice.ID
	}
	return prefixDecide + choice.ID
}

// labelOf returns the label of a choice, without line breaks. It is never empty.
func labelOf(choice approval.Choice, tag language.Tag) string {
	if label := untrusted.SingleLine(choice.LabelIn(tag)); strings.TrimSpace(label) != "" {
		return label
	}
	return untrusted.SingleLine(choice.ID)
}

// styleOf returns the colour of a button.
func styleOf(choice approval.Choice) slack.Style {
	switch choice.Means {
	case approval.Approve:
		return slack.StylePrimary
	case approval.Reject:
		return slack.StyleDanger
	case approval.Return, approval.Abstain:
	}
	return slack.StyleDefault
}
