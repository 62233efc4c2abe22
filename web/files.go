package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/refusal"
)

// Files opens the files of requests that are in S3.
type Files interface {
	// Opens reports whether the configuration of a workflow allows a file to be opened.
	Opens(workflow string, f approval.File) bool
	// Address returns an address of a file that is valid for a short time, if it is still the file of the request.
	// Its errors are ErrFileGone and the like of package approval; any other error passes.
	Address(ctx context.Context, a *approval.Approval, f approval.File) (string, error)
}

// The answers if a file is not opened.
var (
	fileUnknown = problem{
		status: http.StatusNotFound,
		name:   "file_unknown",
		code:   refusal.Unknown,
		detail: "the request of the link has no such file, or the file is in a bucket that requests.files does not name",
	}
	fileGone = problem{
		status: http.StatusGone,
		name:   "file_gone",
		code:   refusal.Unknown,
		detail: "the file of a request is no longer in S3",
	}
	fileChanged = problem{
		status: http.StatusConflict,
		name:   "file_changed",
		code:   refusal.Decision,
		detail: "the file of a request was changed after the request",
	}
	fileUnverified = problem{
		status: http.StatusConflict,
		name:   "file_unverified",
		code:   refusal.Decision,
		detail: "the request states a SHA-256 of its file, and S3 keeps none: upload it in one part with a SHA-256 checksum",
	}
	fileDenied = problem{
		status: http.StatusBadGateway,
		name:   "file_denied",
		code:   refusal.Unavailable,
		detail: "S3 denies the file of a request: it is gone, or the worker may not s3:GetObject, s3:GetObjectVersion or kms:Decrypt",
	}
	fileUnavailable = problem{
		status: http.StatusServiceUnavailable,
		name:   "file_unavailable",
		code:   refusal.Unavailable,
		detail: "the file of a request could not be read from S3",
	}
)

// ServeFile opens a file of the request behind a link. It must be mounted at a pattern that ends in
// "/a/{token}/files/{detail}", for GET and HEAD. The browser is sent only to files that the record names, so the route
// cannot be made to lead elsewhere. It decides nothing.
func (p *Page) ServeFile(w http.ResponseWriter, r *http.Request) {
	p.look.SetHeaders(w.Header())
	v, bad := p.openVisit(r)
	if bad != nil {
		p.writeProblem(w, r, *bad)
		return
	}
	f := p.findFile(v.approval, r.PathValue("detail"))
	if f == nil {
		p.writeProblem(w, r, fileUnknown)
		return
	}
	address, err := p.Files.Address(r.Context(), v.approval, *f)
	if err != nil {
		bad := problemOfFile(err)
		if bad.status >= http.StatusInternalServerError {
			p.Log.WarnContext(r.Context(), "file cannot be opened", "order_id", v.order.ID, "error", err)
		}
		p.writeProblem(w, r, bad)
		return
	}
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Location", address)
	w.WriteHeader(http.StatusSeeOther)
}

// findFile returns the file of a detail, or nil if it cannot be opened.
func (p *Page) findFile(a *approval.Approval, detail string) *approval.File {
	i, err := strconv.Atoi(detail)
	if err != nil || strconv.Itoa(i) != detail || i < 0 || i >= len(a.Details) {
		return nil
	}
	f := a.Details[i].File
	if f == nil || p.Files == nil || !p.Files.Opens(a.Workflow, *f) {
		return nil
	}
	return f
}

func problemOfFile(err error) problem {
	switch {
	case errors.Is(err, approval.ErrFileGone):
		return fileGone
	case errors.Is(err, approval.ErrFileChanged):
		return fileChanged
	case errors.Is(err, approval.ErrFileUnverified):
		return fileUnverified
	case errors.Is(err, approval.ErrFileDenied):
		return fileDenied
	}
	return fileUnavailable
}

// openFiles adds the links of files in S3 to the details, and the reason to files that cannot be opened. The links are
// relative to the page.
func (p *Page) openFiles(v *visit, view detailsView) detailsView {
	for i, d := range view.Items {
		switch {
		case d.File == nil || d.File.Open != "":
		case p.findFile(v.approval, strconv.Itoa(d.Index)) == nil:
			view.Items[i].File.Note = v.text("detail.file_not_opened")
		default:
			view.Items[i].File.Open = "./" + url.PathEscape(v.link) + "/files/" + strconv.Itoa(d.Index)
		}
	}
	return view
}
