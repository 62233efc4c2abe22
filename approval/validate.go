package approval

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of the texts that identify something, in characters (code points). Longer texts are refused, because a part of
// an ID is another ID. See also the limits of the texts that are only shown.
const (
	MaxOrderID = 256
	MaxToken   = 2048 // bytes of a task token, or of a callback URL
	maxName    = 256  // of workflow, step, requester, execution, target, source
	// maxApprover is the limit of an approver's ID in bytes: it is a part of a link, whose length is limited.
	maxApprover = 256
)

// validateRequest returns an error that names the first invalid field of a request, or nil.
func (o *Order) validateRequest(r Request) error {
	return cmp.Or(
		validateOrderID(o.ID),
		r.validateIdentity(),
		r.validateApprovers(),
		r.validateChannels(),
		r.Policy.validateFor(countSeats(r.Approvers, true)),
		r.validateRules(),
	)
}

func validateOrderID(id string) error {
	if id == "" {
		return InvalidField("order", "is missing")
	}
	return cmp.Or(checkLength("order", id, MaxOrderID), checkUTF8("order", id))
}

// validateIdentity checks the fields that identify a request and its answer.
func (r *Request) validateIdentity() error {
	length := len(r.Token.Reveal())
	switch {
	case length == 0:
		return InvalidField("token", "is missing")
	case length > MaxToken:
		return InvalidField("token", "is %d bytes long, the maximum is %d", length, MaxToken)
	case r.Trace != "" && !isTraceParent(r.Trace):
		return InvalidField("trace", "is not a traceparent")
	case r.Deadline.IsZero():
		return InvalidField("deadline", "is missing")
	}
	return cmp.Or(
		checkName("workflow", r.Workflow),
		checkName("step", r.Step),
		checkName("requester", r.Requester),
		checkName("execution", r.Execution),
		checkName("target", r.Target),
	)
}

// validateApprovers checks the approvers, also the approvers of escalations.
func (r *Request) validateApprovers() error {
	approvers := r.allApprovers()
	switch {
	case len(approvers) > MaxApprovers:
		return InvalidField("approvers", "are %d with those of escalations, the maximum is %d", len(approvers), MaxApprovers)
	case len(r.Escalations) > MaxEscalations:
		return InvalidField("escalations", "are %d, the maximum is %d", len(r.Escalations), MaxEscalations)
	case r.MinAssurance != "" && r.MinAssurance.rank() < 0: // an unknown assurance would demand nothing
		return InvalidField("min_assurance", "%.40q is not link, chat or sso", r.MinAssurance)
	}
	for i, p := range approvers {
		if NewPersonID(p.ID) == "" || len(p.ID) > maxApprover {
			return InvalidField("approvers", "number %d is empty or longer than %d bytes", i+1, maxApprover)
		}
		if err := checkUTF8("approvers", p.ID); err != nil {
			return err
		}
	}
	return nil
}

// validateChannels checks the number of notifications of a single round, and the policy for undeliverable approvals.
func (r *Request) validateChannels() error {
	policies := []UndeliverablePolicy{UndeliverableWait, UndeliverableEscalate, UndeliverableCancel}
	switch {
	case max(1, len(r.allApprovers()))*len(r.Channels) > MaxNotifications:
		return InvalidField("channels", "times approvers are more than %d notifications", MaxNotifications)
	case !slices.Contains(policies, r.OnUndeliverable):
		return InvalidField("undeliverable", "%.40q is not wait, escalate or cancel", r.OnUndeliverable)
	}
	return nil
}

// validateDecision returns an error that names the first invalid field of a decision, or nil.
func validateDecision(d Decision) error {
	switch {
	case d.ID == "":
		return InvalidField("decision_id", "is missing")
	case d.Outcome != "" && !slices.Contains(AllOutcomes(), d.Outcome): // a missing one is a fault of the choice
		return InvalidField("outcome", "must be %s, %s, %s or %s", Approve, Reject, Return, Abstain)
	case !slices.Contains(AllVias(), d.Via): // refusalOf depends on it
		return InvalidField("via", "%.40q is not a known way in", d.Via)
	case d.namesOtherPrincipal(): // only the program itself decides under its name
		return InvalidField("by", "names a source that did not send the decision")
	case d.Trace != "" && !isTraceParent(d.Trace):
		return InvalidField("trace", "is not a traceparent")
	}
	return cmp.Or(
		checkName("decision_id", d.ID),
		checkName("by", d.By),
		checkName("claimed", d.Claimed),
		checkName("principal", d.Principal),
		checkName("step", d.Step),
		checkName("execution", d.Execution),
		checkName("shown", d.ShownDigest),
		checkName("choice", d.Choice),
		checkLength("approval", d.ApprovalID, maxName),
		checkUTF8("source", d.Source),
	)
}

// checkName refuses a name that is too long or that was damaged.
func checkName(field, text string) error {
	return cmp.Or(checkLength(field, text, maxName), checkUTF8(field, text))
}

// maxCharacterBytes is the number of bytes of a character in the scripts in use. IDs of rarer characters are shorter.
const maxCharacterBytes = 3

func checkLength(field, text string, limit int) error {
	n := utf8.RuneCountInString(text)
	switch {
	case n > limit:
		return InvalidField(field, "is %d characters long, the maximum is %d", n, limit)
	case len(text) > maxCharacterBytes*limit:
		return InvalidField(field, "is %d bytes long, the maximum is %d", len(text), maxCharacterBytes*limit)
	}
	return nil
}

// checkUTF8 refuses text that is not UTF-8, because a store would change it, and text in which a reader has replaced
// what it could not read, because different names would become the same.
func checkUTF8(field, text string) error {
	switch {
	case !utf8.ValidString(text):
		return InvalidField(field, "is not UTF-8")
	case strings.ContainsRune(text, utf8.RuneError):
		return InvalidField(field, "has the character U+FFFD, which stands for one that was lost on its way")
	}
	return nil
}
