package body

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// mark is the byte order mark of UTF-8. RFC 8259, section 8.1, lets readers of JSON ignore it.
var mark = []byte("\ufeff")

// errUTF16 is the error of a body in UTF-16 or UTF-32.
var errUTF16 = errors.New("is in UTF-16 or UTF-32; only UTF-8 is read")

// Text returns the text of a body that is expected to be JSON. It removes a byte order mark, and decompresses gzip and
// deflate. Queues carry only text, so senders put base64 into them: base64 of a JSON object, compressed or not, is decoded
// too. Senders of batches send a list; of a list with a single object, the text is that object. The note tells how the
// body was read; it is empty for a body that is read as it is. Any other text is returned without its mark. The result
// has at most MaxInflated bytes, or the length of b. Text fails for compressed bytes that cannot be read, and for UTF-16.
func Text(b []byte) (text []byte, note string, err error) {
	text, note, err = plainText(b)
	if object, ok := onlyObject(text); ok && err == nil {
		return object, joinNotes(note, "the body was a list of one object"), nil
	}
	return text, note, err
}

// onlyObject returns the object in a list that has nothing else.
func onlyObject(text []byte) ([]byte, bool) {
	if text = trimSpace(text); len(text) == 0 || text[0] != '[' {
		return nil, false
	}
	in := json.NewDecoder(bytes.NewReader(text))
	var object json.RawMessage
	if _, err := in.Token(); err != nil || !in.More() || in.Decode(&object) != nil || object[0] != '{' || in.More() {
		return nil, false
	}
	_, err := in.Token()
	return object, err == nil && in.InputOffset() == int64(len(text))
}

func joinNotes(notes ...string) string {
	return strings.Join(slices.DeleteFunc(notes, func(n string) bool { return n == "" }), "; ")
}

// plainText returns the text of a body without its encodings.
func plainText(b []byte) (text []byte, note string, err error) {
	if c := detect(b); c != codingNone {
		text, err = inflateText(b, c, string(c))
		return text, "the body was " + string(c), err
	}
	if text, err = WithoutMark(b); err != nil || beginsJSON(text) {
		return text, "", err
	}
	decoded, ok := decodeBase64(trimSpace(text))
	if !ok {
		return text, "", nil
	}
	note = "the body was base64"
	if c := detect(decoded); c != codingNone {
		what := "base64 of " + string(c)
		note = "the body was " + what
		if decoded, err = inflateText(decoded, c, what); err != nil {
			return nil, "", err
		}
	}
	decoded, err = WithoutMark(decoded)
	if object := trimSpace(decoded); err != nil || len(object) == 0 || object[0] != '{' || !json.Valid(object) {
		return text, "", nil
	}
	return decoded, note, nil
}

// inflateText decompresses a text.
func inflateText(b []byte, c coding, what string) ([]byte, error) {
	plain, err := inflate(b, c, MaxInflated, nil)
	if err != nil {
		return nil, inflateError(what, err)
	}
	return WithoutMark(plain)
}

// WithoutMark returns a text without a byte order mark. It fails for UTF-16 and UTF-32. JSON and forms begin with ASCII
// characters, so that they have a zero byte in the first two characters of these encodings.
func WithoutMark(b []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(b, mark):
		return b[len(mark):], nil
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}), bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		return nil, errUTF16
	case len(b) >= 2 && (b[0] == 0) != (b[1] == 0), len(b) >= 4 && b[0] == 0 && b[1] == 0 && b[3] != 0:
		return nil, errUTF16
	}
	return b, nil
}

// minBase64 is the length of the shortest text that is taken for base64. Shorter texts are more often words.
const minBase64 = 16

// decodeBase64 decodes base64 in either alphabet, with or without padding and line breaks.
func decodeBase64(text []byte) (decoded []byte, ok bool) {
	if len(text) < minBase64 {
		return nil, false
	}
	text = bytes.TrimRight(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), "=")
	encoding := base64.RawStdEncoding
	if bytes.ContainsAny(text, "-_") {
		encoding = base64.RawURLEncoding
	}
	decoded, err := encoding.AppendDecode(nil, text)
	return decoded, err == nil
}

// isBase64 reports whether a text is base64, and not merely a word.
func isBase64(text []byte) bool {
	_, ok := decodeBase64(text)
	return ok && (len(text) >= 64 || slices.ContainsFunc(text, func(c byte) bool { return c == '=' || c >= '0' && c <= '9' }))
}
