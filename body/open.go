package body

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/approval-relay/approval-relay/refusal"
)

// Opener opens the bodies of HTTP requests of a source: it verifies them, decompresses them, and chooses their format.
type Opener struct {
	Format Format
	// CoversRequest reports whether the credential vouches for the whole request, as a bearer token does. A signature
	// covers the body only.
	CoversRequest bool
	// Limit is the greatest length of a decompressed body, in bytes.
	Limit int64
	// Verify verifies the credential, or the signature over these bytes. If it is nil, every request is accepted.
	Verify func(b []byte) error
	// Reserve is called before memory is used for n decompressed bytes. Its error ends the reading. It may be nil.
	Reserve func(n int64) error
}

// Open returns the body to decode, and its format. Some senders sign the compressed bytes and some the plain ones, so that
// a signature is verified over the bytes as they were sent, and then over the decompressed ones.
//
// The error is that of Verify, that of Reserve, or a *refusal.Error with the code Encoding, Format or TooLarge about the
// header Content-Encoding, the header Content-Type, or the body.
func (o Opener) Open(h http.Header, sent []byte) ([]byte, Format, error) {
	c, unsupported := parseCoding(h)
	if len(sent) == 0 { // nothing is compressed
		c, unsupported = codingNone, nil
	}
	if c == codingNone { // the header is not signed: without it, signed bytes must not have another reading
		c = detect(sent)
	}
	plain, err := o.verify(sent, c, unsupported)
	if err != nil {
		return nil, "", err
	}
	if unsupported != nil {
		return nil, "", unsupported
	}
	if plain == nil {
		if plain, err = o.inflate(sent, c); err != nil {
			return nil, "", err
		}
	}
	f := o.Format
	if f == Auto {
		f, err = chooseFormat(h, plain)
	}
	return plain, f, err
}

// verify verifies a request. It returns the decompressed bytes if the signature is over them.
func (o Opener) verify(sent []byte, c coding, unsupported error) (plain []byte, err error) {
	if o.Verify == nil {
		return nil, nil
	}
	err = o.Verify(sent)
	if err == nil || o.CoversRequest || refusal.CodeOf(err) != refusal.Mismatch {
		return nil, err
	}
	if unsupported != nil { // the signature may be right, and nobody could find that out from a 401
		return nil, unsupported
	}
	if c == codingNone || detect(sent) != c {
		return nil, err
	}
	if plain, err = o.inflate(sent, c); err != nil { // the same
		return nil, err
	}
	return plain, o.Verify(plain)
}

func (o Opener) inflate(sent []byte, c coding) ([]byte, error) {
	if c == codingNone {
		return sent, nil
	}
	plain, err := inflate(sent, c, o.Limit, o.reserving)
	return plain, o.describe(c, err)
}

// reserving returns a reader that reserves memory for what it reads.
func (o Opener) reserving(r io.Reader) io.Reader {
	if o.Reserve == nil {
		return r
	}
	return &reservingReader{Reader: r, reserve: o.Reserve}
}

type reservingReader struct {
	io.Reader
	reserve func(n int64) error
}

// Read implements io.Reader.
func (r *reservingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if failed := r.reserve(int64(n)); failed != nil {
		return n, &reserveError{failed}
	}
	return n, err
}

// reserveError marks an error of Opener.Reserve.
type reserveError struct{ error }

func (e *reserveError) Unwrap() error { return e.error }

// describe returns the refusal of a body that cannot be decompressed.
func (o Opener) describe(c coding, err error) error {
	var reserve *reserveError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &reserve):
		return reserve.error
	case errors.Is(err, errTooLarge):
		return refuse(refusal.TooLarge, "body", "the decompressed body is larger than %d bytes", o.Limit)
	case errors.Is(err, errOtherCoding):
		return refuse(refusal.Encoding, contentEncoding, "the header %s names %s, but the body is not %s", contentEncoding, c, c)
	}
	return refuse(refusal.Encoding, contentEncoding, "the body %s", inflateError(string(c), err))
}

const (
	contentEncoding = "Content-Encoding"
	contentType     = "Content-Type"
)

// refuse returns a refusal that the sender may read: it is about the form of a body, and not about a secret.
func refuse(code refusal.Code, field, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	return &refusal.Error{
		Code:        code,
		Field:       field,
		Detail:      text,
		Public:      text,
		PublicField: field,
	}
}

// AcceptEncoding is the value of the header Accept-Encoding in the answer to a request in another encoding (RFC 9110,
// section 15.5.16).
const AcceptEncoding = "gzip, deflate"

// parseCoding returns how a body is compressed, or the refusal of a header that names another way.
func parseCoding(h http.Header) (coding, error) {
	found := codingNone
	for name := range strings.SplitSeq(strings.Join(h.Values(contentEncoding), ","), ",") {
		name = strings.ToLower(strings.Trim(name, " \t"))
		if name == "x-gzip" {
			name = "gzip"
		}
		switch name {
		case "", "identity", "utf-8", "utf8": // a charset is a frequent mistake
		case "gzip", "deflate":
			if found != codingNone {
				return codingNone, refuse(refusal.Encoding, contentEncoding, "the header %s names more than one coding", contentEncoding)
			}
			found = coding(name)
		default:
			return codingNone, refuse(refusal.Encoding, contentEncoding,
				"the header %s names a coding that is not taken; taken are %s, and identity", contentEncoding, AcceptEncoding)
		}
	}
	return found, nil
}
