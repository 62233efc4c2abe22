package webhook

import (
	"net/http"
	"strings"

	"github.com/approval-relay/approval-relay/refusal"
)

// maxSignatures bounds the signatures of a request that are checked.
const maxSignatures = 16

// signatures are the signatures of a request.
type signatures struct {
	header string // the header of the first
	list   [][]byte
	sent   string // the time in a list of named values
}

// signatureReader collects the signatures in the headers of a request. A signature that cannot be read is skipped if
// another can, because it may be of a version that is not ours.
type signatureReader struct {
	v         *HMAC
	found     signatures
	malformed error
}

// readSignatures returns the signatures in all lines of the configured headers.
func (v *HMAC) readSignatures(header http.Header) (signatures, error) {
	reader := signatureReader{v: v}
	for _, name := range v.config.signatureHeaders() {
		for _, line := range header.Values(name) {
			if line == "" {
				continue
			}
			if reader.found.header == "" {
				reader.found.header = name
			}
			if err := reader.readLine(name, line); err != nil {
				return signatures{}, err
			}
		}
	}
	switch name := v.config.signatureHeaders()[0]; {
	case len(reader.found.list) > 0:
		return reader.found, nil
	case reader.malformed != nil:
		return signatures{}, reader.malformed
	case len(v.config.Headers) > 1:
		return signatures{}, refuse(refusal.Missing, name, "none of the headers %s was sent", strings.Join(v.config.Headers, ", "))
	default:
		return signatures{}, refuse(refusal.Missing, name, "the header %s is missing or empty", name)
	}
}

func (s *signatureReader) readLine(name, line string) error {
	if s.v.config.Parameters != nil {
		return s.readParameters(name, line)
	}
	began := false // some senders write the prefix once, before a list: v0=SIGNATURE,SIGNATURE
	for _, part := range splitSignatures(line, s.v.config.Prefix) {
		text, ok := cutPrefixFold(part, s.v.config.Prefix)
		began = began || ok
		if !began {
			s.skip(refuse(refusal.Malformed, name, "the header %s does not begin with %q", name, s.v.config.Prefix))
			continue
		}
		s.take(name, "the signature", strings.TrimSpace(text))
	}
	return nil
}

// readParameters reads a list of named values. A second time is refused, because it is unknown which of the two was
// signed.
func (s *signatureReader) readParameters(header, line string) error {
	p := s.v.config.Parameters
	list, ok := cutPrefixFold(line, s.v.config.Prefix)
	if !ok {
		s.skip(refuse(refusal.Malformed, header, "the header %s does not begin with %q", header, s.v.config.Prefix))
		return nil
	}
	sent, hasSignature := "", false
	for part := range strings.SplitSeq(list, p.Separator) {
		name, text, _ := strings.Cut(strings.TrimSpace(part), "=")
		text = strings.Trim(text, `"`)
		switch {
		case name == p.Signature:
			hasSignature = true
			s.take(header, "the signature ("+p.Signature+"=)", text)
		case p.Timestamp == "" || name != p.Timestamp:
		case sent != "":
			return refuse(refusal.Malformed, header, "the header %s has more than one time (%s=)", header, p.Timestamp)
		default:
			sent = text
		}
	}
	switch {
	case p.Timestamp != "" && sent == "":
		return refuse(refusal.Missing, header, "the header %s has no time (%s=)", header, p.Timestamp)
	case !hasSignature:
		s.skip(refuse(refusal.Missing, header, "the header %s has no signature (%s=)", header, p.Signature))
	}
	if s.found.sent != "" && s.found.sent != sent {
		return refuse(refusal.Malformed, header, "the header %s has more than one time (%s=)", header, p.Timestamp)
	}
	s.found.sent = sent
	return nil
}

// take decodes a signature and keeps it.
func (s *signatureReader) take(header, what, text string) {
	got, err := s.v.decode(text)
	switch {
	case err != nil:
		s.skip(refuse(refusal.Malformed, header, "%s in the header %s is not %s", what, header, s.v.config.Encoding))
	case len(s.found.list) < maxSignatures:
		s.found.list = append(s.found.list, got)
	}
}

// skip keeps the first reason why nothing could be read.
func (s *signatureReader) skip(reason error) {
	if s.malformed == nil {
		s.malformed = reason
	}
}

// splitSignatures splits a line into its signatures with their prefixes. Commas, semicolons and spaces separate
// signatures. One that the prefix has itself, as "HMAC " has a space, does so only before the prefix.
func splitSignatures(line, prefix string) []string {
	const all = ",; \t"
	inPrefix := strings.Map(func(r rune) rune {
		if strings.ContainsRune(all, r) {
			return r
		}
		return -1
	}, prefix)
	for _, separator := range inPrefix {
		line = strings.ReplaceAll(line, string(separator)+prefix, "\n"+prefix)
	}
	var parts []string
	for part := range strings.FieldsFuncSeq(line, func(r rune) bool {
		return r == '\n' || strings.ContainsRune(all, r) && !strings.ContainsRune(inPrefix, r)
	}) {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// cutPrefixFold is strings.CutPrefix without regard to upper and lower case, because the names of authentication
// schemes and algorithms have none.
func cutPrefixFold(text, prefix string) (string, bool) {
	if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
		return text, false
	}
	return text[len(prefix):], true
}
