package console

import (
	"fmt"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
)

// describeStatus returns the status of an approval. A deadline that has passed counts even if it is not recorded yet.
func describeStatus(a *approval.Approval, now time.Time) statusView {
	switch a.Status {
	case approval.Approved:
		return statusView{Text: "Approved", Tone: "good"}
	case approval.Rejected:
		return statusView{Text: "Rejected", Tone: "bad"}
	case approval.Returned:
		return statusView{Text: "Returned", Tone: "closed"}
	case approval.TimedOut:
		return statusView{Text: "Timed out", Tone: "closed"}
	case approval.Cancelled:
		return statusView{Text: "Cancelled", Tone: "closed"}
	case approval.Superseded:
		return statusView{Text: "Superseded", Tone: "closed"}
	case approval.Pending:
	}
	if !a.Deadline.After(now) {
		return statusView{Text: "Timing out", Tone: "bad"}
	}
	return statusView{Text: "Pending", Tone: "open"}
}

// describeCallback returns the status of a callback.
func describeCallback(c approval.Callback) statusView {
	switch c.State {
	case approval.CallbackPending:
		if c.LastError != "" {
			return statusView{Text: "Failing, retried", Tone: "bad"}
		}
		return statusView{Text: "Under way", Tone: "open"}
	case approval.CallbackDelivered:
		return statusView{Text: "Delivered", Tone: "good"}
	case approval.CallbackPresumed:
		return statusView{Text: "Delivered, presumably", Tone: "good"}
	case approval.CallbackUnknown:
		return statusView{Text: "Unknown", Tone: "bad"}
	case approval.CallbackTooLate:
		return statusView{Text: "Too late", Tone: "bad"}
	case approval.CallbackExhausted:
		return statusView{Text: "Exhausted", Tone: "bad"}
	case approval.CallbackSuperseded:
		return statusView{Text: "Not needed", Tone: "closed"}
	case approval.CallbackNone:
	}
	return statusView{Text: "Not yet", Tone: "closed"}
}

// describePolicy returns a policy in words.
func describePolicy(p approval.Policy) string {
	switch p.Kind {
	case approval.PolicyAll:
		return "All of them must approve"
	case approval.PolicyQuorum:
		text := fmt.Sprintf("%d of them must approve", p.Quorum)
		if p.VetoDisabled {
			text += "; a single rejection does not reject"
		}
		return text
	case approval.PolicyAny:
	}
	return "The first decision counts"
}

// pastTense returns an outcome as the action of a person.
func pastTense(o approval.Outcome) string {
	switch o {
	case approval.Approve:
		return "approved"
	case approval.Return:
		return "returned"
	case approval.Abstain:
		return "abstained"
	case approval.Reject:
	}
	return "rejected"
}

// personName returns the name of a principal.
func personName(id string) string {
	if source, ok := strings.CutPrefix(id, "source:"); ok {
		return untrusted.MultiLine(source) + " (a system)"
	}
	if id == "" {
		return "somebody"
	}
	return untrusted.MultiLine(id)
}

// actorName returns the name of whoever made an act, and the person that they named without being that person: the
// person on whose behalf an operator acted, or the person that a program named whose names are not believed.
func actorName(by, principal, claimed string) string {
	switch {
	case claimed == "":
		return personName(by)
	case strings.HasPrefix(principal, approval.OperatorPrincipal("")):
		return personName(by) + " on behalf of " + personName(claimed)
	}
	return personName(by) + ", naming " + personName(claimed)
}

// describeVia describes the way of a decision.
func describeVia(v approval.Via, source string) string {
	switch v {
	case approval.ViaLink:
		return "link"
	case approval.ViaSSO:
		return "link, signed in"
	case approval.ViaOperator:
		return "console or command line"
	case approval.ViaChat, approval.ViaSNS, approval.ViaWebhook, approval.ViaAPI:
	}
	if source == string(v) {
		source = ""
	}
	return string(v) + withPreposition(" ", untrusted.MultiLine(source))
}

// withPreposition returns a text after its preposition, or the empty text if the text is empty.
func withPreposition(preposition, text string) string {
	if text == "" {
		return ""
	}
	return preposition + text
}
