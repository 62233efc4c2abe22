package web

import (
	"context"
	"net/http"

	"github.com/approval-relay/approval-relay/refusal"
)

// problem is the answer to a request without an approval to show. It tells the sender nothing about an order.
type problem struct {
	status int
	name   string // of its texts in the catalogue
	code   refusal.Code
	detail string // for the operator
}

var (
	invalid = problem{
		status: http.StatusNotFound,
		name:   "invalid",
		code:   refusal.Malformed,
		detail: "the link cannot be opened: it was cut off or forged, or its key is no longer in the key file",
	}
	expired = problem{
		status: http.StatusGone,
		name:   "expired",
		code:   refusal.Stale,
		detail: "the link has expired",
	}
	revoked = problem{
		status: http.StatusGone,
		name:   "revoked",
		code:   refusal.Stale,
		detail: "the link was revoked, or a newer one replaced it",
	}
	removed = problem{
		status: http.StatusGone,
		name:   "removed",
		code:   refusal.Unknown,
		detail: "the order of the link is no longer kept",
	}
	unavailable = problem{
		status: http.StatusServiceUnavailable,
		name:   "unavailable",
		code:   refusal.Unavailable,
		detail: "the order of the link could not be read from the store",
	}
	crossSite = problem{
		status: http.StatusForbidden,
		name:   "cross_site",
		code:   refusal.Forbidden,
		detail: "the form came from another site",
	}
	wrongType = problem{
		status: http.StatusUnsupportedMediaType,
		name:   "wrong_type",
		code:   refusal.Format,
		detail: "the body is not a form by its Content-Type",
	}
	wrongMethod = problem{
		status: http.StatusMethodNotAllowed,
		name:   "wrong_method",
		code:   refusal.Method,
		detail: "the page takes only GET, HEAD and POST",
	}
	tooLarge = problem{
		status: http.StatusRequestEntityTooLarge,
		name:   "too_large",
		code:   refusal.TooLarge,
		detail: "the form is too large",
	}
	unreadable = problem{
		status: http.StatusBadRequest,
		name:   "unreadable",
		code:   refusal.Format,
		detail: "the form cannot be read, or has a field twice",
	}
	notAllowed = problem{
		status: http.StatusForbidden,
		name:   "not_allowed",
		code:   refusal.Decision,
		detail: "the person of the link may not decide the approval",
	}
	ownRequest = problem{
		status: http.StatusForbidden,
		name:   "own_request",
		code:   refusal.Decision,
		detail: "the person of the link is the requester",
	}
	namesNobody = problem{
		status: http.StatusForbidden,
		name:   "names_nobody",
		code:   refusal.Decision,
		detail: "the link names nobody, and could be that of the requester",
	}
	needsSignIn = problem{
		status: http.StatusForbidden,
		name:   "needs_sign_in",
		code:   refusal.Decision,
		detail: "the approval accepts only people who have signed in",
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
