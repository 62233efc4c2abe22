package console

import (
	"errors"
	"mime"
	"net/http"
)

// maxBody bounds a form, in bytes: the longest reason with every byte escaped
// takes a fifth of it.
const maxBody = 64 << 10

// read reads the named fields of a form. A field that is there twice is not
// guessed at. Where it returns false the request is answered.
func (c *Console) read(w http.ResponseWriter, r *http.Request, s session, fields ...string) (map[string]string, bool) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		c.refuse(w, r, s, http.StatusUnsupportedMediaType, "This is not the console’s form", "The console takes only what its own pages send. Nothing was done.")
		return nil, false
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	err := r.ParseForm()
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		c.refuse(w, r, s, http.StatusRequestEntityTooLarge, "This is too long", "Nothing was done. Please go back and write less.")
		return nil, false
	case err != nil:
		c.unreadable(w, r, s)
		return nil, false
	}
	out := map[string]string{}
	for _, name := range fields {
		if len(r.PostForm[name]) > 1 {
			c.unreadable(w, r, s)
			return nil, false
		}
		out[name] = r.PostForm.Get(name)
	}
	return out, true
}

func (c *Console) unreadable(w http.ResponseWriter, r *http.Request, s session) {
	c.refuse(w, r, s, http.StatusBadRequest, "This cannot be read", "The form is not as the console made it. Nothing was done.")
}

// stale answers a form whose nonce is not right.
func (c *Console) stale(w http.ResponseWriter, r *http.Request, s session) {
	c.refuse(w, r, s, http.StatusConflict, "This form is no longer good", "It is from another session, or was open for too long. Nothing was done. Please open the page again.")
}
