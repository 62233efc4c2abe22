package console

import (
	"errors"
	"net/http"
	"path"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
)

// problem is the answer to a request that the console cannot carry out.
type problem struct {
	status  int
	heading string
	lead    string
}

var (
	crossSite = problem{http.StatusForbidden, "This came from another site",
		"The console accepts only forms of its own pages. Nothing was done."}
	wrongType = problem{http.StatusUnsupportedMediaType, "This is not the console’s form",
		"The console accepts only forms of its own pages. Nothing was done."}
	tooLarge = problem{http.StatusRequestEntityTooLarge, "This is too long",
		"Nothing was done. Please go back and write less."}
	unreadable = problem{http.StatusBadRequest, "This cannot be read",
		"The form is not as the console made it. Nothing was done."}
	staleForm = problem{http.StatusConflict, "This form is no longer valid",
		"It is from another session, or was open for too long. Nothing was done. Please open the page again."}
	signedOut = problem{http.StatusUnauthorized, "You are signed out",
		"Nothing was done. Please sign in, and look at the page again before you act."}
	removed = problem{http.StatusNotFound, "This order is no longer kept",
		"It was closed, and its record has been removed. Nothing was done."}
	unknownOutcome = problem{http.StatusServiceUnavailable, "It is not certain that this was recorded",
		"Please look at the order again in a minute: it shows what was recorded. Doing it again does no harm."}
	unavailable = problem{http.StatusServiceUnavailable, "This does not work right now",
		"The store cannot be reached, or the record cannot be read. The log has the error. Please try again in a minute."}
)

// messagePage shows a message only.
type messagePage struct {
	frame
	Lead string
}

func (c *Console) refuse(w http.ResponseWriter, r *http.Request, s session, p problem) {
	c.writePage(w, r, p.status, "message.html", messagePage{c.newFrame(r, s, "", p.heading), p.lead})
}

// fail answers a request that ended with an error. A fault of the request is shown; other errors are logged.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, s session, err error) {
	if field, ok := errors.AsType[*approval.FieldError](err); ok {
		c.refuse(w, r, s, problem{
			http.StatusUnprocessableEntity, "This cannot be accepted", untrusted.MultiLine(field.Error()) + ".",
		})
		return
	}
	c.Log.WarnContext(r.Context(), "console failed", "path", path.Base(r.URL.Path), "error", err)
	c.refuse(w, r, s, unavailable)
}
