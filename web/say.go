package web

import "net/http"

// ShowMessage answers with a page that looks like the decision page and shows nothing of a
// request: for what leads there and cannot go on, such as signing in.
func (p *Page) ShowMessage(w http.ResponseWriter, r *http.Request, status int, heading, lead string) {
	p.look.Secure(w.Header())
	p.write(w, r, status, view{
		Heading: heading,
		Lead:    lead,
		Tone:    "closed",
		Badge:   "Nothing was decided",
	})
}
