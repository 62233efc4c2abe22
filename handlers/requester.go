package handlers

import (
	"fmt"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
)

// RequesterSettings are how the requesters of a workflow are told, and their rights.
type RequesterSettings struct {
	Channels  []string
	Comments  bool // the requester sees the comments of approvers
	Withdraws bool
	Answers   bool // approvers may ask the requester
	// PassOn lists further persons, or "group:" and a name, that can get a request from an approver.
	PassOn []string
	// DecidedUntold leaves out the messages to approvers that somebody else has decided.
	DecidedUntold bool
	// Unreachable returns the reason why a channel cannot notify a person, or the empty text. It may be nil.
	Unreachable func(channel, person string) string
}

// setRequesterRules sets how the requester is told. A requester whom no channel reaches, such as a role or a login, is not
// told; a note in the history states why.
func (h *Request) setRequesterRules(request *approval.Request) error {
	s := h.Workflow.Requester
	passOn, err := h.Workflow.People.ResolveApprovers(s.PassOn, h.Transitions.Now())
	if err != nil {
		return err
	}
	rules := approval.RequesterRules{DecidedUntold: s.DecidedUntold}
	for _, p := range passOn {
		if p.SubstituteFor == "" {
			rules.PassOnTo = append(rules.PassOnTo, p.ID)
		}
	}
	var reasons []string
	for _, channel := range s.Channels {
		if request.Requester == "" {
			break
		}
		if reason := s.reasonNotTo(channel, request.Requester); reason != "" {
			reasons = append(reasons, channel+": "+reason)
			continue
		}
		rules.RequesterChannels = append(rules.RequesterChannels, channel)
	}
	switch {
	case len(rules.RequesterChannels) > 0:
		rules.RequesterNonce = newNonce()
		rules.RequesterComments = s.Comments
		rules.RequesterWithdraws = s.Withdraws
		rules.RequesterAnswers = s.Answers
	case len(reasons) > 0:
		request.ReadingNotes = append(request.ReadingNotes,
			fmt.Sprintf("the requester is not told: no channel of requester.notify reaches that person (%s)",
				strings.Join(reasons, "; ")))
	}
	request.RequesterRules = rules
	return nil
}

func (s RequesterSettings) reasonNotTo(channel, person string) string {
	if s.Unreachable == nil {
		return ""
	}
	return strings.ReplaceAll(s.Unreachable(channel, person), "the approver", "the requester")
}
