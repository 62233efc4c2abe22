package console

import (
	"errors"
	"net/http"
	"path"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/untrusted"
)

// problem is the answer to a request that the console cannot carry out.
type problem struct {
	status  int
	heading string
	lead    string
	code    refusal.Code
	detail  string // for the list of refusals
}

var (
	crossSite = problem{
		status:  http.StatusForbidden,
		heading: "This came from another site",
		lead:    "The console accepts only forms of its own pages. Nothing was done.",
		code:    refusal.Forbidden,
		detail:  "the form came from another site",
	}
	wrongType = problem{
		status:  http.StatusUnsupportedMediaType,
		heading: "This is not the console’s form",
		lead:    "The console accepts only forms of its own pages. Nothing was done.",
		code:    refusal.Format,
		detail:  "the body is not a form by its Content-Type",
	}
	tooLarge = problem{
		status:  http.StatusRequestEntityTooLarge,
		heading: "This is too long",
		lead:    "Nothing was done. Please go back and write less.",
		code:    refusal.TooLarge,
		detail:  "the form is too large",
	}
	unreadable = problem{
		status:  http.StatusBadRequest,
		heading: "This cannot be read",
		lead:    "The form is not as the console made it. Nothing was done.",
		code:    refusal.Format,
		detail:  "the form cannot be read, or has a field twice",
	}
	staleForm = problem{
		status:  http.StatusConflict,
		heading: "This form is no longer valid",
		lead:    "It is from another session, or was open for too long. Nothing was done. Please open the page again.",
		code:    refusal.Stale,
		detail:  "the form is from another session, or was open for too long",
	}
	signedOut = problem{
		status:  http.StatusUnauthorized,
		heading: "You are signed out",
		lead:    "Nothing was done. Please sign in, and look at the page again before you act.",
		code:    refusal.Missing,
		detail:  "the form was sent without a session",
	}
	removed = problem{
		status:  http.StatusNotFound,
		heading: "This order is no longer kept",
		lead:    "It was closed, and its record has been removed. Nothing was done.",
		code:    refusal.Unknown,
		detail:  "the order is no longer kept",
	}
	bodyGone = problem{
		status:  http.StatusNotFound,
		heading: "This body is no longer kept",
		lead:    "Newer refusals have replaced it.",
		code:    refusal.Unknown,
		detail:  "the body of a refused request is no longer kept",
	}
	unknownOutcome = problem{
		status:  http.StatusServiceUnavailable,
		heading: "It is not certain that this was recorded",
		lead:    "Please look at the order again in a minute: it shows what was recorded. Doing it again does no harm.",
		code:    refusal.Unavailable,
		detail:  "the store did not answer the change",
	}
	unavailable = problem{
		status:  http.StatusServiceUnavailable,
		heading: "This does not work right now",
		lead:    "The store cannot be reached, or the record cannot be read. The log has the error. Please try again in a minute.",
		code:    refusal.Unavailable,
		detail:  "the store could not be read",
	}
)

// messagePage shows a message only.
type messagePage struct {
	frame
	Lead string
}

func (c *Console) refuse(w http.ResponseWriter, r *http.Request, s session, p problem) {
	c.record(r, p.status, p.code, p.detail)
	f := c.newFrame(r, s, "", p.heading)
	f.Finder = f.Finder && p.status != http.StatusServiceUnavailable // the search needs the store
	c.writePage(w, r, p.status, "message.html", messagePage{f, p.lead})
}

// fail answers a request that ended with an error. A fault of the request is shown; other errors are logged.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, s session, err error) {
	if field, ok := errors.AsType[*approval.FieldError](err); ok {
		c.refuse(w, r, s, problem{
			status:  http.StatusUnprocessableEntity,
			heading: "This cannot be accepted",
			lead:    untrusted.MultiLine(field.Error()) + ".",
			code:    refusal.Field,
			detail:  "the field " + field.Field + " of a form is not valid",
		})
		return
	}
	c.Log.WarnContext(r.Context(), "console failed", "path", path.Base(r.URL.Path), "error", err)
	c.refuse(w, r, s, unavailable)
}

// record records an answer of the console that is a refusal.
func (c *Console) record(r *http.Request, status int, code refusal.Code, detail string) {
	c.Refusals.RecordRefusal(r.Context(), refusal.Refusal{
		Source: refusal.SourceConsole,
		Code:   code,
		Detail: detail,
		Status: status,
	})
}
