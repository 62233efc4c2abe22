package console_test

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	inputs = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)
	style  = regexp.MustCompile(`(?s)<style>.*?</style>`)
	nonces = regexp.MustCompile(`name="(nonce|shown)" value="[^"]+"`)
	ids    = regexp.MustCompile(`name="id" value="(console-)?[A-Z2-7]{16,}"`)
)

// form returns the hidden fields of the first form on a page that leads to an action and contains a text.
func form(t *testing.T, page, action, with string) url.Values {
	t.Helper()
	for _, f := range strings.Split(page, "<form ")[1:] {
		f, _, _ = strings.Cut(f, "</form>")
		if !strings.Contains(f, `action="`+action+`"`) || !strings.Contains(f, with) {
			continue
		}
		out := url.Values{}
		for _, m := range inputs.FindAllStringSubmatch(f, -1) {
			out.Set(m[1], strings.ReplaceAll(m[2], "&#43;", "+"))
		}
		return out
	}
	t.Fatalf("no form %s with %q in\n%s", action, with, style.ReplaceAllString(page, ""))
	return nil
}

func body(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// golden compares a page with its golden file. Style sheet and digests are left out.
func golden(t *testing.T, name, page string) {
	t.Helper()
	got := nonces.ReplaceAllString(style.ReplaceAllString(page, "<style></style>"), `name="$1" value="*"`)
	got = ids.ReplaceAllString(got, `name="id" value="*"`)
	file := "testdata/" + name + ".html"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\n%s", name, got)
	}
}
