// Package look is what our pages have in common: one style sheet in light and
// dark, the headers that keep a page to itself, and texts from outside made fit to
// be shown. A page is HTML and CSS in one document, without a script.
package look

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
)

//go:embed base.css
var base string

// moments shows a Moment.
const moments = `{{define "moment"}}<time datetime="{{.Machine}}">{{.Text}}</time> <span class="relative">({{.Relative}})</span>{{end}}`

// Look is templates with their style sheet, and the policy that allows no more.
type Look struct {
	pages  *template.Template
	policy string
}

// New returns the look of the templates that match the patterns. What more says
// comes after the style sheet that all pages share, which they place by {{css}}; a
// Moment they show by {{template "moment" .}}.
func New(files fs.FS, more string, patterns ...string) (*Look, error) {
	css := base + more
	pages, err := template.New("").Funcs(template.FuncMap{
		"css": func() template.CSS { return template.CSS(css) }, //nolint:gosec // embedded
	}).Parse(moments)
	if err == nil {
		pages, err = pages.ParseFS(files, patterns...)
	}
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	sum := sha256.Sum256([]byte(css))
	return &Look{pages: pages, policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"}, nil
}

// Render returns the page that the template of that name makes of v.
func (l *Look) Render(name string, v any) ([]byte, error) {
	var b bytes.Buffer
	err := l.pages.ExecuteTemplate(&b, name, v)
	return b.Bytes(), err
}

// Secure sets the headers that every answer has.
//
// Referrer-Policy is same-origin and not no-referrer: with the latter browsers
// send "Origin: null" with the form, and the page could not tell its own form
// from another site's where Sec-Fetch-Site is missing (old browsers, plain HTTP).
// Either way no other site learns the link.
func (l *Look) Secure(h http.Header) {
	h.Set("Content-Security-Policy", l.policy)
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", "noindex, nofollow, noarchive")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}
