package body

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/approval-relay/approval-relay/untrusted"
)

// Limits of the notes about files.
const (
	maxNoted      = 60 // characters of a name from outside
	maxNotedFiles = 10
)

// decodeMultipart reads multipart/form-data (RFC 7578). Fields are read as those of a form. Files are left out, and the
// notes name their fields. The boundary is that of the body's first line, because the header that also has it is not
// signed. A body without its last boundary was cut off, and is refused.
func decodeMultipart(b []byte, decodeJSON DecodeJSON) (Decoded, error) {
	text, err := WithoutMark(b)
	if err != nil {
		return Decoded{}, err
	}
	text = trimLineEnds(text)
	boundary, ok := firstBoundary(text)
	if !ok {
		return Decoded{}, errors.New("is not multipart/form-data: it does not begin with a boundary")
	}
	f := multipartForm{values: map[string][]string{}}
	parts := multipart.NewReader(bytes.NewReader(text), boundary)
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF) && hasLastBoundary(text, boundary):
			return finishForm(f.values, f.notes(), decodeJSON)
		case err != nil:
			return Decoded{}, errors.New("is multipart/form-data that is damaged, or ends before its last boundary")
		case n >= maxFields:
			return Decoded{}, errManyFields
		}
		if err := f.add(part); err != nil {
			return Decoded{}, err
		}
	}
}

// trimLineEnds removes the line ends before the first boundary, which some senders add.
func trimLineEnds(text []byte) []byte { return bytes.TrimLeft(text, "\r\n") }

// firstBoundary returns the boundary in the first line of a body (RFC 2046, section 5.1.1).
func firstBoundary(text []byte) (string, bool) {
	line, _, found := bytes.Cut(text, []byte("\n"))
	line = bytes.TrimRight(line, " \t\r")
	boundary, isBoundary := bytes.CutPrefix(line, []byte("--"))
	invalid := func(c byte) bool {
		isAlphanumeric := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		return !isAlphanumeric && !strings.ContainsRune("'()+_,-./:=? ", rune(c))
	}
	if !found || !isBoundary || len(boundary) == 0 || len(boundary) > 70 || slices.ContainsFunc(boundary, invalid) {
		return "", false
	}
	return string(boundary), true
}

// hasLastBoundary reports whether a line begins with the last boundary. The reader of package multipart takes a body that
// was cut off in the headers of a part for complete.
func hasLastBoundary(text []byte, boundary string) bool {
	last := []byte("\n--" + boundary + "--")
	return bytes.Contains(text, last) || bytes.HasPrefix(text, last[1:])
}

// multipartForm collects the fields of a form.
type multipartForm struct {
	values map[string][]string
	files  []string // the names of their fields
}

func (f *multipartForm) add(part *multipart.Part) error {
	name, isFile, err := partName(part)
	if err != nil {
		return err
	}
	if isFile {
		f.files = append(f.files, name)
		_, err := io.Copy(io.Discard, part)
		return partError(err)
	}
	text, err := io.ReadAll(part)
	if err != nil {
		return partError(err)
	}
	switch strings.ToLower(part.Header.Get("Content-Transfer-Encoding")) {
	case "", "7bit", "8bit", "binary": // quoted-printable is decoded by NextPart, which removes the header
	case "base64":
		if text, err = base64.StdEncoding.AppendDecode(nil, text); err != nil {
			return errors.New("has a part that is not base64, as its header says")
		}
	default:
		return errors.New("has a part with a Content-Transfer-Encoding other than base64 and quoted-printable")
	}
	if !utf8.Valid(text) {
		return errFormText
	}
	f.values[name] = append(f.values[name], string(text))
	return nil
}

// partError is the error of a part that could not be read.
func partError(err error) error {
	if err == nil {
		return nil
	}
	return errors.New("is multipart/form-data that ends before its last boundary")
}

// partName returns the name of the field that a part is, and whether it is a file.
func partName(part *multipart.Part) (name string, isFile bool, err error) {
	headers := part.Header["Content-Disposition"]
	if len(headers) != 1 {
		return "", false, errors.New("has a part without the header Content-Disposition, or with several")
	}
	kind, parameters, err := mime.ParseMediaType(headers[0])
	name, named := parameters["name"]
	if err != nil || kind != "form-data" || !named || !utf8.ValidString(name) {
		return "", false, errors.New("has a part without a name that can be read")
	}
	_, isFile = parameters["filename"]
	return name, isFile, nil
}

// notes name the fields of the files.
func (f *multipartForm) notes() []string {
	var notes []string
	for _, name := range f.files[:min(len(f.files), maxNotedFiles)] {
		notes = append(notes, fmt.Sprintf("the file in the field %q is not read", untrusted.Shorten(name, maxNoted)))
	}
	if more := len(f.files) - len(notes); more > 0 {
		notes = append(notes, fmt.Sprintf("%d more files are not read", more))
	}
	return notes
}
