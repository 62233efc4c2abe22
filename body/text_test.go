package body

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
)

const order = `{"orderId":"A-1","decision":"approve","decidedBy":"ann@example.com"}`

// object decodes a JSON object as encoding/json does.
func object(text []byte) (any, error) {
	var v map[string]any
	err := json.Unmarshal(text, &v)
	return v, err
}

func gzipped(t testing.TB, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

func deflated(t testing.TB, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	_, err := w.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

func utf16Of(text string, bigEndian, withMark bool) []byte {
	if withMark {
		text = "\ufeff" + text
	}
	var out []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		if bigEndian {
			out = append(out, byte(unit>>8), byte(unit))
		} else {
			out = append(out, byte(unit), byte(unit>>8))
		}
	}
	return out
}

// TestText opens each way in which senders wrap a JSON object.
func TestText(t *testing.T) {
	t.Parallel()
	long := `{"text":"` + strings.Repeat("ä", 500) + `"}`
	standard := base64.StdEncoding.EncodeToString
	for name, test := range map[string]struct {
		sent []byte
		text string
		note string
	}{
		"as it is":                      {[]byte(order), order, ""},
		"white space":                   {[]byte("\r\n " + order + "\n"), "\r\n " + order + "\n", ""},
		"byte order mark":               {[]byte("\ufeff" + order), order, ""},
		"gzip":                          {gzipped(t, order), order, "the body was gzip"},
		"gzip of several members":       {append(gzipped(t, order[:10]), gzipped(t, order[10:])...), order, "the body was gzip"},
		"deflate":                       {deflated(t, order), order, "the body was deflate"},
		"base64 of deflate":             {[]byte(standard(deflated(t, order))), order, "the body was base64 of deflate"},
		"mark in gzip":                  {gzipped(t, "\ufeff"+order), order, "the body was gzip"},
		"base64":                        {[]byte(standard([]byte(order))), order, "the body was base64"},
		"base64 without padding":        {[]byte(base64.RawStdEncoding.EncodeToString([]byte(order))), order, "the body was base64"},
		"base64 for URLs":               {[]byte(base64.URLEncoding.EncodeToString([]byte(`{"a":"?>?>?>~~~"}`))), `{"a":"?>?>?>~~~"}`, "the body was base64"},
		"base64 in lines":               {[]byte(lines(standard([]byte(long)), "\n")), long, "the body was base64"},
		"base64 in lines of MIME":       {[]byte(lines(standard([]byte(long)), "\r\n")), long, "the body was base64"},
		"base64 behind a mark":          {[]byte("\ufeff" + standard([]byte(order))), order, "the body was base64"},
		"base64 of a mark":              {[]byte(standard([]byte("\ufeff" + order))), order, "the body was base64"},
		"base64 of gzip":                {[]byte(standard(gzipped(t, order))), order, "the body was base64 of gzip"},
		"base64 of a list":              {[]byte(standard([]byte(`["no object here"]`))), standard([]byte(`["no object here"]`)), ""},
		"base64 of two objects":         {[]byte(standard([]byte(order + order))), standard([]byte(order + order)), ""},
		"base64 of base64":              {[]byte(standard([]byte(standard([]byte(order))))), standard([]byte(standard([]byte(order)))), ""},
		"base64 of an object, and more": {[]byte(standard([]byte(order)) + "!"), standard([]byte(order)) + "!", ""},
		"list of one object":            {[]byte(" [ " + order + " ]\n"), order, "the body was a list of one object"},
		"list of one in gzip":           {gzipped(t, "\ufeff["+order+"]"), order, "the body was gzip; the body was a list of one object"},
		"list of two objects":           {[]byte("[" + order + "," + order + "]"), "[" + order + "," + order + "]", ""},
		"list of a list":                {[]byte("[[" + order + "]]"), "[[" + order + "]]", ""},
		"list of one text":              {[]byte(`["x"]`), `["x"]`, ""},
		"empty list":                    {[]byte("[]"), "[]", ""},
		"list of one, cut off":          {[]byte("[" + order), "[" + order, ""},
		"list of one, and more":         {[]byte("[" + order + "]" + order), "[" + order + "]" + order, ""},
		"list of one, and a comma":      {[]byte("[" + order + ",]"), "[" + order + ",]", ""},
		"a word":                        {[]byte("decisionsarehere"), "decisionsarehere", ""},
		"empty":                         {nil, "", ""},
	} {
		text, note, err := Text(test.sent)
		require.NoError(t, err, name)
		require.Equal(t, test.text, string(text), name)
		require.Equal(t, test.note, note, name)
	}
}

func lines(text, end string) string {
	var out strings.Builder
	for ; len(text) > 76; text = text[76:] {
		out.WriteString(text[:76] + end)
	}
	return out.String() + text + end
}

// TestTextRefused checks that the reason names what the body looks like, and that decompressed bytes are bounded.
func TestTextRefused(t *testing.T) {
	t.Parallel()
	bomb := gzipped(t, strings.Repeat(" ", MaxInflated)+"{}")
	for name, test := range map[string]struct {
		sent []byte
		want string
	}{
		"UTF-16, little-endian, mark": {utf16Of(order, false, true), "is in UTF-16"},
		"UTF-16, big-endian, mark":    {utf16Of(order, true, true), "is in UTF-16"},
		"UTF-16, little-endian":       {utf16Of(order, false, false), "is in UTF-16"},
		"UTF-16, big-endian":          {utf16Of(order, true, false), "is in UTF-16"},
		"UTF-32":                      {[]byte("\x00\x00\xfe\xff\x00\x00\x00{"), "is in UTF-16 or UTF-32"},
		"gzip, cut off":               {gzipped(t, order)[:30], "looks like gzip, but is damaged, cut off"},
		"gzip, trailing bytes":        {append(gzipped(t, order), "garbage"...), "looks like gzip, but is damaged, cut off, or has other bytes behind it"},
		"gzip, only its beginning":    {[]byte{0x1f, 0x8b, 8}, "looks like gzip, but is damaged"},
		"gzip of gzip":                {gzipped(t, string(gzipped(t, order))), "looks like gzip, but is compressed more than once"},
		"gzip of deflate":             {gzipped(t, string(deflated(t, order))), "looks like gzip, but is compressed more than once"},
		"gzip bomb":                   {bomb, "looks like gzip, but is larger than the limit"},
		"gzip bomb in base64":         {[]byte(base64.StdEncoding.EncodeToString(bomb)), "looks like base64 of gzip, but is larger than the limit"},
		"UTF-16 in gzip":              {gzipped(t, string(utf16Of(order, false, true))), "is in UTF-16"},
	} {
		_, _, err := Text(test.sent)
		require.ErrorContains(t, err, test.want, name)
	}
	_, _, err := Text(gzipped(t, "{}"+strings.Repeat(" ", MaxInflated-2)))
	require.NoError(t, err, "the limit itself is allowed")
}

// TestReasonNamesTheFormat checks that the reason for a body that is not JSON names the format that it has.
func TestReasonNamesTheFormat(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		sent []byte
		want string
	}{
		"form":       {[]byte("order=A-1&decision=approve"), "it looks like a form, which a webhook reads with the setting body: form"},
		"multipart":  {[]byte("--x9\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x9--\r\n"), "it looks like multipart/form-data"},
		"XML":        {[]byte("<?xml version=\"1.0\"?><a/>"), "it looks like XML or HTML"},
		"base64":     {[]byte(base64.StdEncoding.EncodeToString([]byte("a text, and no object"))), "it looks like base64 of something other"},
		"zstd":       {[]byte("\x28\xb5\x2f\xfd\x04\x00rest"), "it looks like zstd"},
		"empty":      {nil, "is empty"},
		"only white": {[]byte(" \n"), "is empty"},
	} {
		_, err := Decode(JSON, test.sent, object)
		require.ErrorContains(t, err, test.want, name)
	}
	for _, text := range []string{"approve", "a comment = with words", `{"a"`, `["a=b"]`} {
		_, err := Decode(JSON, []byte(text), object)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "looks like", text)
	}
}
