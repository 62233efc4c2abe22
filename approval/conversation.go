package approval

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Limits of the conversation of an approval.
const (
	MaxQuestions    = 20   // questions of an approval
	MaxQuestionText = 4096 // characters of a question or an answer
)

// Question is a question of an approver to the requester, with its answer.
type Question struct {
	ID   string    `json:"id"`
	By   string    `json:"by"`
	Text string    `json:"text"`
	At   time.Time `json:"at"`
	// Answer is empty while the requester has not answered.
	Answer     string    `json:"answer,omitempty"`
	AnsweredAt time.Time `json:"answered_at,omitzero"`
}

// IsAnswered reports whether the requester has answered.
func (q Question) IsAnswered() bool { return q.Answer != "" }

// CanAsk reports whether approvers can ask the requester: the workflow allows it, and the requester can be reached.
func (a *Approval) CanAsk() bool {
	return a.Status == Pending && a.RequesterAnswers && a.Requester != "" && len(a.RequesterChannels) > 0 &&
		len(a.Questions) < MaxQuestions
}

// Ask records a question of an approver, and sends it to the requester. It changes the ContentDigest, so that others look
// again before they decide.
func (o *Order) Ask(act Act, text string, env Environment) (Verdict, []Action, error) {
	if err := checkSaid("question", text); err != nil {
		return Verdict{}, nil, err
	}
	a, v, actions, err := o.beginAct(act, ActAsk, env)
	if a == nil || err != nil {
		return o.sameQuestion(act, text, v), actions, err
	}
	if v.Code = a.refusalOfAct(act); v.Code != "" {
		return v, actions, nil
	}
	switch {
	case len(a.Questions) >= MaxQuestions:
		return v, actions, InvalidField("question", "is more than the %d questions that an approval has at most", MaxQuestions)
	case !a.CanAsk():
		return v, actions, InvalidField("question", "cannot be asked: the requester is not known, or cannot be reached")
	case len(text) > o.newTextLimit(0):
		return v, actions, OrderFull("its texts have no space for a question")
	}
	a.Questions = append(slices.Clip(a.Questions), Question{ID: act.ID, By: act.Actor.By, Text: text, At: env.Now})
	o.endAct(a, act, RecordedAct{Kind: ActAsk}, &v, env)
	a.tellRequester(RequesterQuestion, env)
	return v, append(actions, o.startDueActions(a, env)...), nil
}

// sameQuestion returns the verdict conflict if an act with the ID of an earlier question has another text.
func (o *Order) sameQuestion(act Act, text string, v Verdict) Verdict {
	a := o.FindApproval(v.ApprovalID)
	if v.Code == VerdictRepeated && a != nil && a.findQuestion(act.ID) != nil && a.findQuestion(act.ID).Text != text {
		v.Code = VerdictConflict
	}
	return v
}

// Answer records the requester's answer to a question. The approvers without a vote are told, and the ContentDigest
// changes. An answer cannot be changed.
func (o *Order) Answer(act Act, questionID, text string, env Environment) (Verdict, []Action, error) {
	if err := checkSaid("answer", text); err != nil {
		return Verdict{}, nil, err
	}
	a, v, actions, err := o.beginAct(act, ActAnswer, env)
	if a == nil || err != nil {
		return o.sameAnswer(v, questionID, text), actions, err
	}
	q := a.findQuestion(questionID)
	switch {
	case !a.isRequester(act.Actor.By):
		return v, actions, InvalidField("by", "is not the requester")
	case q == nil:
		return v, actions, InvalidField("question", "is not among the questions of this approval")
	case q.Answer == text:
		v.Code = VerdictRepeated
		return v, actions, nil
	case q.IsAnswered():
		v.Code = VerdictConflict
		return v, actions, nil
	case len(text) > o.newTextLimit(0):
		return v, actions, OrderFull("its texts have no space for an answer")
	}
	q.Answer = text
	q.AnsweredAt = env.Now
	o.endAct(a, act, RecordedAct{Kind: ActAnswer}, &v, env)
	if waiting := a.waitingApprovers(); len(waiting) > 0 || len(a.Approvers) == 0 {
		a.notifyApprovers(NotifyAnswer, waiting, env)
	}
	return v, append(actions, o.startDueActions(a, env)...), nil
}

// sameAnswer returns the verdict conflict if an act with the ID of an earlier answer has another text.
func (o *Order) sameAnswer(v Verdict, questionID, text string) Verdict {
	a := o.FindApproval(v.ApprovalID)
	if v.Code == VerdictRepeated && a != nil && (a.findQuestion(questionID) == nil || a.findQuestion(questionID).Answer != text) {
		v.Code = VerdictConflict
	}
	return v
}

// PassOn gives the seat of the acting approver to another person that may decide, with a reason. The first of the new
// approvers gets the seat; the others fill in for the first.
func (o *Order) PassOn(act Act, to []Approver, env Environment) (Verdict, []Action, error) {
	a, v, actions, err := o.beginAct(act, ActPassOn, env)
	if a == nil || err != nil {
		return v, actions, err
	}
	if v.Code = a.refusalOfAct(act); v.Code != "" {
		return v, actions, nil
	}
	if a.countActs(ActPassOn) >= MaxPassOns {
		return v, actions, InvalidField("to", "is one more than the %d times that a request is passed on at most", MaxPassOns)
	}
	added, err := o.reseat(a, "by", act.Actor.By, "to", to)
	switch {
	case err != nil:
		return v, actions, err
	case !slices.ContainsFunc(a.PassOnCandidates(act.Actor.By), func(id string) bool { return SamePerson(id, to[0].ID) }):
		return v, actions, InvalidField("to", "is nobody to whom this request can be passed on")
	}
	r := RecordedAct{Kind: ActPassOn, From: findApprover(a.Approvers, act.Actor.By).ID, To: idsOf(added)}
	a.takeSeat(act.Actor.By, added)
	o.endAct(a, act, r, &v, env)
	return v, append(actions, o.askAdded(a, added, &v, env)...), nil
}

// PassOnCandidates lists the persons that can get the request from an approver: the persons that the workflow names for
// it, the approvers of escalations, and persons that have passed it on before. They are neither approvers nor the
// requester.
func (a *Approval) PassOnCandidates(by string) []string {
	all := slices.Clip(a.PassOnTo)
	for _, e := range a.Escalations {
		all = append(all, idsOf(e.Approvers)...)
	}
	for _, r := range a.Acts {
		if r.Kind == ActPassOn {
			all = append(all, r.From)
		}
	}
	var out []string
	for _, id := range all {
		isKnown := slices.ContainsFunc(out, func(o string) bool { return SamePerson(o, id) })
		if !isKnown && !a.isRequester(id) && !isApprover(a.Approvers, id) && !SamePerson(id, by) {
			out = append(out, id)
		}
	}
	return out
}

// Decline records that the request is not for the acting approver to decide. The approver gets no reminders, and may
// still decide. If the others are too few for the policy, the approval is undeliverable.
func (o *Order) Decline(act Act, env Environment) (Verdict, []Action, error) {
	a, v, actions, err := o.beginAct(act, ActDecline, env)
	if a == nil || err != nil {
		return v, actions, err
	}
	if v.Code = a.refusalOfAct(act); v.Code != "" {
		return v, actions, nil
	}
	p, err := a.findWaitingApprover("by", act.Actor.By)
	if err != nil {
		return v, actions, err
	}
	if p.Declined {
		v.Code = VerdictRepeated
		return v, actions, nil
	}
	a.Approvers = slices.Clone(a.Approvers)
	for i := range a.Approvers {
		if a.Approvers[i].ID == p.ID {
			a.Approvers[i].Declined = true
		}
	}
	o.endAct(a, act, RecordedAct{Kind: ActDecline, From: p.ID}, &v, env)
	actions = append(actions, o.handleUndeliverable(a, env)...)
	v.Status = a.Status
	return v, append(actions, o.startDueActions(a, env)...), nil
}

// lacksApprovers reports whether so many approvers have declined that the others cannot approve. Approvers that
// escalations add later do not count.
func (a *Approval) lacksApprovers() bool {
	if !slices.ContainsFunc(a.Approvers, func(p Approver) bool { return p.Declined }) {
		return false
	}
	willing := map[PersonID]bool{}
	for _, p := range a.Approvers {
		if !p.Declined || a.hasSeatVoted(p) {
			willing[p.seat()] = true
		}
		if a.Policy.Kind == PolicyAll && p.Escalated && !p.Declined {
			return false // the vote of an escalated approver stands for all
		}
	}
	for _, v := range a.Votes {
		if v.Outcome != Approve {
			delete(willing, findVoter(a.Approvers, v).seat())
		}
	}
	return len(willing) < a.Policy.approvesNeeded(a.Approvers)
}

// refusalOfAct returns the verdict if the maker of an act may not decide the approval, otherwise the empty code: a person that
// may not decide may neither ask, nor pass on, nor decline.
func (a *Approval) refusalOfAct(act Act) VerdictCode {
	return a.refusalOf(Decision{
		By:        act.Actor.By,
		Principal: act.Actor.Principal,
		Claimed:   act.Actor.Claimed,
		Via:       act.Actor.Via,
		Source:    act.Actor.Source,
	})
}

func (a *Approval) findQuestion(id string) *Question {
	for i := range a.Questions {
		if a.Questions[i].ID == id {
			return &a.Questions[i]
		}
	}
	return nil
}

// checkSaid returns an error unless a question or an answer has a text within its limits.
func checkSaid(field, text string) error {
	if strings.TrimSpace(text) == "" {
		return InvalidField(field, "is empty")
	}
	return cmp.Or(checkLength(field, text, MaxQuestionText), checkUTF8(field, text))
}

func (a *Approval) sizeOfConversation() int {
	n := 0
	for _, q := range a.Questions {
		n += len(q.Text) + len(q.Answer)
	}
	return n
}
