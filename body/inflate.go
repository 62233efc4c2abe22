package body

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// MaxInflated is the greatest length of a body that was compressed in a queue, in bytes. It is SQS's own limit for a
// message.
const MaxInflated = 1 << 20

// A coding is a way to compress.
type coding string

const (
	codingNone    coding = ""
	codingGzip    coding = "gzip"
	codingDeflate coding = "deflate" // the zlib format, RFC 9110, section 8.4.1.2
)

var (
	errTooLarge    = errors.New("is larger than the limit")
	errOtherCoding = errors.New("is not compressed in this way")
	errNested      = errors.New("is compressed more than once")
	errNotInflated = errors.New("is damaged, cut off, or has other bytes behind it")
)

// isGzip reports whether bytes begin as gzip does (RFC 1952). They are not UTF-8 then, so that no text is taken for gzip.
func isGzip(b []byte) bool { return bytes.HasPrefix(b, []byte{0x1f, 0x8b, 8}) }

// isZlib reports whether bytes begin as zlib does (RFC 1950) with the window that every encoder has, and are no text. Some
// texts begin so too, and a signed text must never be read as something else.
func isZlib(b []byte) bool {
	return len(b) > 2 && b[0] == 0x78 && (int(b[0])<<8|int(b[1]))%31 == 0 && !utf8.Valid(b)
}

// detect returns how bytes are compressed, by their beginning.
func detect(b []byte) coding {
	switch {
	case isGzip(b):
		return codingGzip
	case isZlib(b):
		return codingDeflate
	}
	return codingNone
}

// inflate decompresses all of b. It needs memory for the limit, however large the result would be. The result is not
// compressed again. The function wrap returns a reader around the decompressed bytes; it may be nil.
func inflate(b []byte, c coding, limit int64, wrap func(io.Reader) io.Reader) ([]byte, error) {
	if detect(b) != c {
		return nil, errOtherCoding
	}
	var reader io.Reader
	var err error
	in := bytes.NewReader(b)
	if c == codingGzip {
		reader, err = gzip.NewReader(in)
	} else {
		reader, err = zlib.NewReader(in)
	}
	if err != nil {
		return nil, errNotInflated
	}
	reader = io.LimitReader(reader, limit+1)
	if wrap != nil {
		reader = wrap(reader)
	}
	plain, err := io.ReadAll(reader)
	var reserve *reserveError
	switch {
	case errors.As(err, &reserve):
		return nil, err
	case int64(len(plain)) > limit:
		return nil, errTooLarge
	case err != nil || in.Len() > 0: // gzip reads its concatenated members itself, zlib leaves what follows it
		return nil, errNotInflated
	case detect(plain) != codingNone:
		return nil, errNested
	}
	return plain, nil
}

// inflateError adds what was inflated to an error of inflate.
func inflateError(what string, err error) error {
	return fmt.Errorf("looks like %s, but %w", what, err)
}
