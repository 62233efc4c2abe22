package body

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/approval-relay/approval-relay/refusal"
)

// eachText calls f for every name and text in a value.
func eachText(v any, f func(string)) {
	switch x := v.(type) {
	case string:
		f(x)
	case []any:
		for _, item := range x {
			eachText(item, f)
		}
	case map[string]any:
		for name, item := range x {
			f(name)
			eachText(item, f)
		}
	}
}

func seeds(f *testing.F) [][]byte {
	f.Helper()
	return [][]byte{
		[]byte(order), []byte("\ufeff" + order), gzipped(f, order), deflated(f, order), utf16Of(order, false, true),
		[]byte(base64.StdEncoding.EncodeToString(gzipped(f, order))), []byte(base64.RawURLEncoding.EncodeToString([]byte(order))),
		[]byte("payload=%7B%7D"), []byte("a=1&b=%C3%A4&a=%ff"), gzipped(f, string(gzipped(f, order))), nil,
		[]byte(part(`form-data; name="a"`, "1") + part(`form-data; name="b"; filename="c"`, "\xff") + "--x9--"),
	}
}

// decodeErrors are errors that quote nothing of the body.
var decodeErrors = regexp.MustCompile(`^(is|has|looks like) [A-Za-z0-9 ,:;/().-]+$`)

// FuzzDecode decodes bodies in all formats. Text in the result is UTF-8, and bounded by the body, or by the limit of what
// is decompressed.
func FuzzDecode(f *testing.F) {
	for i, seed := range seeds(f) {
		f.Add(uint8(i), seed)
	}
	formats := []Format{JSON, Form, Multipart, JSONOrForm, ""}
	f.Fuzz(func(t *testing.T, n uint8, b []byte) {
		format := formats[int(n)%len(formats)]
		decodeJSON := func(text []byte) (any, error) {
			v, err := object(text)
			if err != nil {
				err = errNotInflated // without a quote
			}
			return v, err
		}
		decoded, err := Decode(format, b, decodeJSON)
		if err != nil {
			if !decodeErrors.MatchString(err.Error()) {
				t.Errorf("%q", err)
			}
			return
		}
		total := 0
		eachText(decoded.Value, func(text string) {
			total += len(text)
			if !utf8.ValidString(text) {
				t.Errorf("%q is not UTF-8", text)
			}
		})
		if total > 3*max(len(b), MaxInflated) { // encoding/json makes U+FFFD of each byte that is not UTF-8
			t.Errorf("%d bytes of %d", total, len(b))
		}
		for _, note := range decoded.Notes {
			if len([]rune(note)) > 10*maxNoted || !utf8.ValidString(note) {
				t.Errorf("note %q", note)
			}
		}
	})
}

// FuzzText wraps a text as senders do: it is read as it was.
func FuzzText(f *testing.F) {
	f.Add("ä", uint8(0))
	f.Add(strings.Repeat("x", 100), uint8(5))
	f.Fuzz(func(t *testing.T, value string, way uint8) {
		if !utf8.ValidString(value) || len(value) > MaxInflated/8 {
			t.Skip("JSON is UTF-8, and TestDecompressionIsBounded has the long values")
		}
		plain := `{"value":"` + url.QueryEscape(value) + `"}`
		standard, urls := base64.StdEncoding.EncodeToString, base64.RawURLEncoding.EncodeToString
		wrapped := [][]byte{
			[]byte(plain), []byte("\ufeff" + plain), gzipped(t, plain), gzipped(t, "\ufeff"+plain),
			[]byte(standard([]byte(plain))), []byte(urls([]byte(plain))), []byte(lines(standard([]byte(plain)), "\r\n")),
			[]byte(standard(gzipped(t, plain))), []byte("\ufeff" + urls(gzipped(t, plain))),
		}
		b := wrapped[int(way)%len(wrapped)]
		text, _, err := Text(b)
		if err != nil || string(text) != plain {
			t.Errorf("%q is read as %q, %v", b, text, err)
		}
	})
}

// FuzzForm encodes a form: it is read as it was.
func FuzzForm(f *testing.F) {
	f.Add("order", "A-1", "say", "yes & no + ä")
	f.Add("payload", "[1]", "payload", "{}")
	f.Add("0", "0", "\xcb", "\xb0")
	f.Fuzz(func(t *testing.T, name1, text1, name2, text2 string) {
		values := url.Values{}
		values.Add(name1, text1)
		values.Add(name2, text2)
		decoded, err := Decode(Form, []byte(values.Encode()), object)
		valid := true
		for _, text := range []string{name1, text1, name2, text2} { // two halves of a character are not one
			valid = valid && utf8.ValidString(text)
		}
		if (err == nil) != valid {
			t.Fatalf("%q: %v", values.Encode(), err)
		}
		if err != nil {
			return
		}
		form, _ := decoded.Value.(map[string]any)
		for name, texts := range values {
			var got []string
			eachText(form[name], func(text string) { got = append(got, text) })
			if strings.Join(got, "\x00") != strings.Join(texts, "\x00") {
				t.Errorf("field %q is %q", name, got)
			}
		}
	})
}

// FuzzOpen opens signed bytes with any headers: they have one reading, or are refused.
func FuzzOpen(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add(seed, "application/x-www-form-urlencoded", "gzip")
		f.Add(seed, "multipart/form-data; boundary=x9", "deflate")
	}
	f.Fuzz(func(t *testing.T, b []byte, contentType, contentEncoding string) {
		h := http.Header{"Content-Type": {contentType}, "Content-Encoding": {contentEncoding}}
		signed := Opener{Format: JSONOrForm, Limit: limit, Verify: signature(b)}
		want, _, refused := signed.Open(http.Header{}, b)
		got, format, err := signed.Open(h, b)
		switch {
		case err != nil && refusal.CodeOf(err) == "":
			t.Errorf("%v", err)
		case err == nil && refused == nil && (!bytes.Equal(got, want) || format != JSONOrForm):
			t.Errorf("with %q and %q another body, or format %q", contentType, contentEncoding, format)
		}
		covered := Opener{Format: Auto, CoversRequest: true, Limit: limit}
		got, format, err = covered.Open(h, b)
		if err == nil && (len(got) > max(limit, len(b)) || format != JSON && format != Form && format != Multipart) {
			t.Errorf("%d bytes, format %q", len(got), format)
		}
		// A mark, because the texts of errors themselves name types that a header may have.
		const mark = "k7Qx-mark"
		for _, header := range []string{contentType + "; p=" + mark, mark + contentType} {
			if _, _, err := covered.Open(http.Header{"Content-Type": {header}}, b); err != nil && strings.Contains(err.Error(), mark) {
				t.Errorf("the error quotes the header: %v", err)
			}
		}
	})
}
