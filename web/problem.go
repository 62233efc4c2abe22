package web

import (
	"context"
	"net/http"

	"github.com/approval-relay/approval-relay/refusal"
)

// problem is the answer to a request without an approval to show. It tells the sender nothing about an order.
type problem struct {
	status  int
	heading string
	lead    string
	code    refusal.Code
	detail  string // for the operator
}

var (
	invalid = problem{
		status:  http.StatusNotFound,
		heading: "This link is not valid",
		lead:    "It may have been cut off on its way: open it from the message itself, or copy all of it.",
		code:    refusal.Malformed,
		detail:  "the link cannot be opened: it was cut off or forged, or its key is no longer in the key file",
	}
	expired = problem{
		status:  http.StatusGone,
		heading: "This link has expired",
		lead:    "The time to decide has passed, and so has the time for which the outcome is shown.",
		code:    refusal.Stale,
		detail:  "the link has expired",
	}
	revoked = problem{
		status:  http.StatusGone,
		heading: "This link is no longer valid",
		lead:    "It was withdrawn. If you still have to decide, there is a newer message with another link.",
		code:    refusal.Stale,
		detail:  "the link was revoked, or a newer one replaced it",
	}
	removed = problem{
		status:  http.StatusGone,
		heading: "This request is no longer kept",
		lead:    "It was closed, and its record has been removed.",
		code:    refusal.Unknown,
		detail:  "the order of the link is no longer kept",
	}
	unavailable = problem{
		status:  http.StatusServiceUnavailable,
		heading: "This does not work right now",
		lead:    "The request cannot be read at the moment. Please try again in a minute; the link stays valid.",
		code:    refusal.Unavailable,
		detail:  "the order of the link could not be read from the store",
	}
	unknownOutcome = problem{
		status:  http.StatusServiceUnavailable,
		heading: "It is not certain that your decision was recorded",
		lead:    "Please open the link again in a minute. It shows what was recorded; deciding again does no harm.",
		code:    refusal.Unavailable,
		detail:  "the store did not answer the decision",
	}
	crossSite = problem{
		status:  http.StatusForbidden,
		heading: "This came from another site",
		lead:    "Decisions are accepted only from the page itself. Please open the link from the message and decide there.",
		code:    refusal.Forbidden,
		detail:  "the form came from another site",
	}
	wrongType = problem{
		status:  http.StatusUnsupportedMediaType,
		heading: "This is not the page's form",
		lead:    "Decisions are accepted only from the page itself. Please open the link from the message and decide there.",
		code:    refusal.Format,
		detail:  "the body is not a form by its Content-Type",
	}
	wrongMethod = problem{
		status:  http.StatusMethodNotAllowed,
		heading: "This is not possible here",
		lead:    "This page can be read, and its form can be sent.",
		code:    refusal.Method,
		detail:  "the page takes only GET, HEAD and POST",
	}
	tooLarge = problem{
		status:  http.StatusRequestEntityTooLarge,
		heading: "This is too long",
		lead:    "Please open the link again and write a shorter comment.",
		code:    refusal.TooLarge,
		detail:  "the form is too large",
	}
	unreadable = problem{
		status:  http.StatusBadRequest,
		heading: "This cannot be read",
		lead:    "Please open the link from the message again and decide there.",
		code:    refusal.Format,
		detail:  "the form cannot be read, or has a field twice",
	}
	notAllowed = problem{
		status:  http.StatusForbidden,
		heading: "You cannot decide this",
		lead:    "The link is valid, but this request does not accept a decision from you.",
		code:    refusal.Decision,
		detail:  "the person of the link may not decide the approval",
	}
	ownRequest = problem{
		status:  http.StatusForbidden,
		heading: "You cannot decide your own request",
		lead:    "The person who made a request cannot approve or reject it. Somebody else must decide.",
		code:    refusal.Decision,
		detail:  "the person of the link is the requester",
	}
	namesNobody = problem{
		status:  http.StatusForbidden,
		heading: "This link does not say who you are",
		lead:    "The person who made the request may not decide it, and this link could be theirs. Decide in the chat, or sign in.",
		code:    refusal.Decision,
		detail:  "the link names nobody, and could be that of the requester",
	}
	needsSignIn = problem{
		status:  http.StatusForbidden,
		heading: "This link alone is not enough",
		lead:    "This request accepts a decision only from a person who has signed in.",
		code:    refusal.Decision,
		detail:  "the approval accepts only people who have signed in",
	}
)

// record records the answer for the operator.
func (p *Page) record(ctx context.Context, status int, code refusal.Code, detail string) {
	p.Refusals.RecordRefusal(ctx, refusal.Refusal{
		Source: refusal.SourceLink,
		Code:   code,
		Detail: detail,
		Status: status,
	})
}

// codeOfForm returns the code of a form that is refused with a status.
func codeOfForm(status int) refusal.Code {
	if status == http.StatusConflict {
		return refusal.Decision
	}
	return refusal.Field
}
