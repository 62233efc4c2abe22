package web_test

import (
	"crypto/sha256"
	"encoding/base64"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

func TestHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	_, page := w.get(token)
	css := strings.TrimSuffix(strings.TrimPrefix(style.FindString(page), "<style>"), "</style>")
	sum := sha256.Sum256([]byte(css))
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; form-action 'self'; " +
		"frame-ancestors 'none'; base-uri 'none'"
	shown := httptest.NewRecorder()
	w.page.ShowMessage(shown, httptest.NewRequest(http.MethodGet, "/signin/x", nil), http.StatusForbidden, "<b>No", "Sign in again.")
	body := shown.Body.String()
	if shown.Code != http.StatusForbidden || !strings.Contains(body, `<h1 dir="auto">&lt;b&gt;No</h1>`) ||
		!strings.Contains(body, "Sign in again.") {
		t.Errorf("%d %s", shown.Code, body)
	}
	posted := w.do(browser(token, w.form(token, approval.Approve).Encode()))
	for name, resp := range map[string]*http.Response{
		"page":       w.do(httptest.NewRequest(http.MethodGet, "/a/"+token, nil)),
		"no link":    w.do(httptest.NewRequest(http.MethodGet, "/a/other", nil)),
		"other way":  w.do(httptest.NewRequest(http.MethodOptions, "/a/"+token, nil)),
		"bad form":   w.do(browser(token, "outcome=approve")),
		"after form": posted,
		"message":    shown.Result(),
	} {
		for header, want := range map[string]string{
			"Content-Security-Policy":      policy,
			"Referrer-Policy":              "same-origin",
			"X-Frame-Options":              "DENY",
			"X-Content-Type-Options":       "nosniff",
			"Cache-Control":                "no-store",
			"X-Robots-Tag":                 "noindex, nofollow, noarchive",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := resp.Header.Values(header); len(got) != 1 || got[0] != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
		if len(resp.Cookies()) != 0 {
			t.Errorf("%s sets a cookie", name)
		}
	}
}

// TestContrast holds that text can be read, in light and dark: 4.5 to 1, level AA of
// https://www.w3.org/TR/WCAG22/#contrast-minimum, and 3 to 1 for other parts.
func TestContrast(t *testing.T) {
	t.Parallel()
	_, page := newWorld(t, nil).get(token)
	light, dark, found := strings.Cut(page, "prefers-color-scheme: dark")
	if !found {
		t.Fatal("no dark scheme")
	}
	for scheme, css := range map[string]string{"light": light, "dark": dark} {
		colour := map[string]float64{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6});`).FindAllStringSubmatch(css, -1) {
			colour[m[1]] = luminance(t, m[2])
		}
		for _, c := range []struct {
			front, back string
			least       float64
		}{
			{"text", "card", 4.5}, {"muted", "card", 4.5}, {"text", "field", 4.5}, {"on-approve", "approve", 4.5},
			{"reject", "card", 4.5}, {"on-open", "open", 4.5}, {"on-good", "good", 4.5}, {"on-bad", "bad", 4.5},
			{"on-closed", "closed", 4.5}, {"on-notice", "notice", 4.5},
			{"field-line", "card", 3}, {"focus", "card", 3}, {"approve", "card", 3},
		} {
			front, ok1 := colour[c.front]
			back, ok2 := colour[c.back]
			ratio := (math.Max(front, back) + 0.05) / (math.Min(front, back) + 0.05)
			if !ok1 || !ok2 || ratio < c.least {
				t.Errorf("%s: %s on %s is %.2f to 1", scheme, c.front, c.back, ratio)
			}
		}
	}
}

// luminance returns the relative luminance of "#rrggbb", as WCAG defines it.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func TestRelativeTimes(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		time.Second:                "(in less than a minute)",
		time.Minute:                "(in 1 minute)",
		59 * time.Minute:           "(in 59 minutes)",
		time.Hour:                  "(in 1 hour)",
		24*time.Hour - time.Second: "(in 24 hours)",
		36 * time.Hour:             "(in 36 hours)",
		72 * time.Hour:             "(in 3 days)",
	} {
		w := newWorld(t, func(a *approval.Request) { a.Deadline = start.Add(time.Hour + d) })
		if _, page := w.get(token); !strings.Contains(page, want) {
			t.Errorf("%s: no %s", d, want)
		}
	}
}
