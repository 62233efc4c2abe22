package web

import "net/http"

// problem is the answer to a request without an approval to show. It tells the sender nothing about an order.
type problem struct {
	status  int
	heading string
	lead    string
}

var (
	invalid = problem{http.StatusNotFound, "This link is not valid",
		"It may have been cut off on its way: open it from the message itself, or copy all of it."}
	expired = problem{http.StatusGone, "This link has expired",
		"The time to decide has passed, and so has the time for which the outcome is shown."}
	revoked = problem{http.StatusGone, "This link is no longer valid",
		"It was withdrawn. If you still have to decide, there is a newer message with another link."}
	removed = problem{http.StatusGone, "This request is no longer kept",
		"It was closed, and its record has been removed."}
	unavailable = problem{http.StatusServiceUnavailable, "This does not work right now",
		"The request cannot be read at the moment. Please try again in a minute; the link stays valid."}
	unknownOutcome = problem{http.StatusServiceUnavailable, "It is not certain that your decision was recorded",
		"Please open the link again in a minute. It shows what was recorded; deciding again does no harm."}
	crossSite = problem{http.StatusForbidden, "This came from another site",
		"Decisions are accepted only from the page itself. Please open the link from the message and decide there."}
	wrongType = problem{http.StatusUnsupportedMediaType, "This is not the page's form",
		"Decisions are accepted only from the page itself. Please open the link from the message and decide there."}
	wrongMethod = problem{http.StatusMethodNotAllowed, "This is not possible here",
		"This page can be read, and its form can be sent."}
	tooLarge = problem{http.StatusRequestEntityTooLarge, "This is too long",
		"Please open the link again and write a shorter comment."}
	unreadable = problem{http.StatusBadRequest, "This cannot be read",
		"Please open the link from the message again and decide there."}
	notAllowed = problem{http.StatusForbidden, "You cannot decide this",
		"The link is valid, but this request does not accept a decision from you."}
	ownRequest = problem{http.StatusForbidden, "You cannot decide your own request",
		"The person who made a request cannot approve or reject it. Somebody else must decide."}
	namesNobody = problem{http.StatusForbidden, "This link does not say who you are",
		"The person who made the request may not decide it, and this link could be theirs. Decide in the chat, or sign in."}
	needsSignIn = problem{http.StatusForbidden, "This link alone is not enough",
		"This request accepts a decision only from a person who has signed in."}
)
