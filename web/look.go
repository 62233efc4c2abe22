package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
)

//go:embed templates
var files embed.FS

// look is the template with its style sheet, and the policy that allows no more.
type look struct {
	page   *template.Template
	css    template.CSS
	policy string
}

func newLook() (*look, error) {
	css, err := files.ReadFile("templates/page.css")
	if err != nil {
		return nil, fmt.Errorf("decision page: %w", err)
	}
	page, err := template.ParseFS(files, "templates/page.html")
	if err != nil {
		return nil, fmt.Errorf("decision page: %w", err)
	}
	sum := sha256.Sum256(css)
	return &look{
		page: page, css: template.CSS(css), //nolint:gosec // embedded
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
	}, nil
}

func (l *look) render(v view) ([]byte, error) {
	v.CSS = l.css
	var b bytes.Buffer
	err := l.page.Execute(&b, v)
	return b.Bytes(), err
}

// secure sets the headers that every answer has.
//
// Referrer-Policy is same-origin and not no-referrer: with the latter browsers
// send "Origin: null" with the form, and the page could not tell its own form
// from another site's where Sec-Fetch-Site is missing (old browsers, plain HTTP).
// Either way no other site learns the link.
func (l *look) secure(h http.Header) {
	h.Set("Content-Security-Policy", l.policy)
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", "noindex, nofollow, noarchive")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}
