// Package look has the common parts of our pages: the style sheet in light and dark, the security headers, and times
// in words. A page is HTML and CSS in a single document, without a script.
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
var baseCSS string

// momentTemplate shows a Moment.
const momentTemplate = `{{define "moment"}}<time datetime="{{.Machine}}">{{.Text}}</time>` +
	` <span class="relative">({{.Relative}})</span>{{end}}`

// Look is a set of templates with their style sheet, and a content security policy that allows only this style sheet.
type Look struct {
	pages  *template.Template
	policy string
}

// New returns the look of the templates that match the patterns. Their style sheet is the common style sheet followed
// by extraCSS. A template places it by {{css}}, and shows a Moment by {{template "moment" .}}.
func New(files fs.FS, extraCSS string, patterns ...string) (*Look, error) {
	css := baseCSS + extraCSS
	pages, err := template.New("").Funcs(template.FuncMap{
		"css": func() template.CSS { return template.CSS(css) }, //nolint:gosec // embedded
	}).Parse(momentTemplate)
	if err == nil {
		pages, err = pages.ParseFS(files, patterns...)
	}
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	sum := sha256.Sum256([]byte(css))
	digest := base64.StdEncoding.EncodeToString(sum[:])
	return &Look{
		pages: pages,
		policy: "default-src 'none'; style-src 'sha256-" + digest +
			"'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
	}, nil
}

// Render executes the named template with v.
func (l *Look) Render(name string, v any) ([]byte, error) {
	var b bytes.Buffer
	err := l.pages.ExecuteTemplate(&b, name, v)
	return b.Bytes(), err
}

// SetHeaders sets the security headers of every answer.
//
// Referrer-Policy is same-origin instead of no-referrer. With no-referrer, browsers send "Origin: null" with the
// form, and if Sec-Fetch-Site is missing as well (old browsers, plain HTTP) the page could not tell its own form from
// the form of another site. Other sites learn the link in neither case.
func (l *Look) SetHeaders(h http.Header) {
	h.Set("Content-Security-Policy", l.policy)
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", "noindex, nofollow, noarchive")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}
