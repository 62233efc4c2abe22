package slack

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/slack-go/slack"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
)

// answerSubmission handles a modal that was sent: it records the decision, and returns how the modal goes on. The error is
// temporary: the modal stays open with all that was typed, and can be sent again.
func (i *Interactions) answerSubmission(ctx context.Context, app App, s submission) (*slack.ViewSubmissionResponse, error) {
	comment := strings.TrimSpace(s.state.text(commentBlock))
	about, _ := parseDialog(s.metadata)
	c, err := i.newCall(ctx, app, about.Button, s.presser)
	if denied, ok := errors.AsType[*denial](err); ok {
		return i.endModal(ctx, c, denied, comment), nil
	}
	if err != nil {
		return nil, err
	}
	m := c.newModal(about.Button, about.Choice)
	choice := m.choice
	if about.Choice == "" {
		choice = c.approval.FindOffered(s.state.text(choiceBlock))
	}
	if choice == nil {
		return i.showFaults(ctx, m, []form.Fault{{Field: choiceBlock, Code: form.Missing}}), nil
	}
	answer := c.answer(*choice)
	answer.comment = comment
	answer.values = s.state.values(&c.approval.Form, choice.Fields)
	verdict, err := i.decide(ctx, c, answer)
	switch {
	case err != nil && approval.IsPermanent(err):
		return i.endModal(ctx, c, invalidDecision(), comment), nil
	case err != nil:
		return nil, err
	case verdict.IsAccepted():
		i.Observer.SlackInteractionAccepted()
		return slack.NewClearViewSubmissionResponse(), nil
	case verdict.Code == approval.VerdictInvalid:
		return i.showFaults(ctx, m, verdict.Faults), nil
	case verdict.Code == approval.VerdictChanged:
		return i.showChanges(ctx, c, m)
	}
	return i.endModal(ctx, c, c.refused(verdict), comment), nil
}

// showFaults shows the faults of a decision beside the inputs.
func (i *Interactions) showFaults(ctx context.Context, m modal, faults []form.Fault) *slack.ViewSubmissionResponse {
	i.Observer.SlackInteractionRefused()
	i.Log.InfoContext(ctx, "slack form has faults", "faults", len(faults))
	texts := m.errors(faults)
	if len(texts) == 0 {
		return slack.NewUpdateViewSubmissionResponse(newEndView(m.words, m.words.Text("slack.use_page"), ""))
	}
	return slack.NewErrorsViewSubmissionResponse(texts)
}

// showChanges replaces a modal after its request has changed. It has the request as it is now. The typed texts stay,
// because Slack keeps them in inputs with the same ID.
func (i *Interactions) showChanges(ctx context.Context, c *call, m modal) (*slack.ViewSubmissionResponse, error) {
	denied := c.refused(approval.Verdict{Code: approval.VerdictChanged})
	i.Observer.SlackInteractionRefused()
	i.record(ctx, denied.why, http.StatusOK)
	if err := i.read(ctx, c); err != nil {
		return nil, err
	}
	fresh := c.capability
	fresh.Shown = c.order.ContentDigest(c.approval)
	m = c.newModal(i.Buttons.ButtonToken(fresh), m.dialog.Choice)
	m.changed = true
	view := m.view()
	if m.dialog.Choice != "" && m.choice == nil || view == nil {
		view = newEndView(c.words, c.words.Text("slack.use_page"), "")
	}
	return slack.NewUpdateViewSubmissionResponse(view), nil
}

// endModal replaces a modal by the reason why its decision does not count.
func (i *Interactions) endModal(ctx context.Context, c *call, d *denial, comment string) *slack.ViewSubmissionResponse {
	text := i.deny(ctx, c, d).text
	return slack.NewUpdateViewSubmissionResponse(newEndView(c.words, text, comment))
}

// writeResponse answers the submission of a modal (https://docs.slack.dev/surfaces/modals#response_actions).
func writeResponse(w http.ResponseWriter, response *slack.ViewSubmissionResponse) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(response)
}
