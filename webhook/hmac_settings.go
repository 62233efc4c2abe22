package webhook

import (
	"crypto/fips140"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
)

// HMACSettings describe the signature that most services send: an HMAC in a header. Presets of senders are made of it
// too: they fill the fields that their sender has fixed, and call Scheme.
//
// A request may have several signatures: in several headers, in several lines of a header, and in a list within a line
// that is separated by commas or spaces. One of them must match one of the secrets, so that a sender can rotate its
// secret. The time and the ID must be sent once.
type HMACSettings struct {
	// Algorithm may be sha1, because some senders have no other. No attack on HMAC with SHA-1 is known.
	Algorithm string `yaml:"algorithm" enum:"sha256,sha384,sha512,sha1" doc:"sha256, sha384, sha512, or sha1 for senders that have no better"`
	Header    string `yaml:"header" doc:"header with the signature; empty is X-Signature-256"`
	// Headers are for senders that sign with each of their secrets in a header of its own, such as Box.
	Headers  []string      `yaml:"signature_headers" doc:"in place of header: several headers, any of which may have the signature"`
	Prefix   string        `yaml:"prefix" doc:"text before the signature, or before the parameters, in the header, such as sha256="`
	Encoding string        `yaml:"encoding" enum:"hex,base64" doc:"hex or base64"`
	Secrets  []secret.Text `yaml:"secrets" doc:"secrets, any of which may have signed"`
	// SecretEncoding is for senders that show their secret in an encoding of the key.
	SecretEncoding string `yaml:"secret_encoding" enum:"text,base64,hex" doc:"text, if the secret is the key as it is written; base64 or hex, if the secret must be decoded to be the key"`
	// Signed has placeholders, see the type template.
	Signed string `yaml:"signed" doc:"what is signed, with {body}, {timestamp}, {id}, {method} and {url}; empty is {body}, or {timestamp}.{body} if there is a time"`
	// TimestampHeader makes a replay impossible after Tolerance. Without a time, an eavesdropper can send a request
	// again; the decision in it is then already recorded.
	TimestampHeader string        `yaml:"timestamp_header" doc:"header with the time of sending, which must be signed"`
	TimestampFormat string        `yaml:"timestamp_format" enum:"auto,unix,unix_ms,rfc3339" doc:"unix (seconds), unix_ms (milliseconds), rfc3339, or auto for any of them"`
	Tolerance       time.Duration `yaml:"tolerance" doc:"greatest difference between that time and ours"`
	IDHeader        string        `yaml:"id_header" doc:"header with the ID of the message, which must be signed; a message with the same ID is the same decision"`
	// Parameters is nil for senders whose header has nothing but signatures.
	Parameters *Parameters `yaml:"parameters" doc:"for headers with a list of named values, such as t=TIMESTAMP,v1=SIGNATURE"`
	URL        string      `yaml:"url" doc:"what {url} stands for, if the sender knows another URL than public.url and /webhooks/NAME with the query"`
}

// Parameters describe a header with a list of named values.
type Parameters struct {
	Separator string `yaml:"separator" doc:"text between the values; empty is a comma"`
	Signature string `yaml:"signature" doc:"name of the values that are signatures; empty is v1"`
	Timestamp string `yaml:"timestamp" doc:"name of the value that is the time of sending; empty if the header has no time"`
}

// SetDefaults implements setup.Defaulter.
func (s *HMACSettings) SetDefaults(setup.Common) {
	setup.Default(&s.Algorithm, "sha256")
	if len(s.Headers) == 0 {
		setup.Default(&s.Header, "X-Signature-256")
	}
	setup.Default(&s.Encoding, "hex")
	setup.Default(&s.SecretEncoding, "text")
	setup.Default(&s.TimestampFormat, "auto")
	setup.Default(&s.Tolerance, 5*time.Minute)
	if s.Parameters != nil {
		setup.Default(&s.Parameters.Separator, ",")
		setup.Default(&s.Parameters.Signature, "v1")
	}
}

// Validate implements setup.Validator.
func (s *HMACSettings) Validate(c *setup.Check) {
	c.Enums(s)
	if s.Algorithm == "sha1" && fips140.Enforced() {
		c.Fault("algorithm", "is sha1, which GODEBUG=fips140=only does not admit")
	}
	switch {
	case len(s.Headers) == 0:
		c.Required("header", s.Header)
	case s.Header != "":
		c.Fault("signature_headers", "are set, and so is header; set one of them")
	case len(s.Headers) > maxSignatures:
		c.Fault("signature_headers", "are more than %d", maxSignatures)
	}
	for i, name := range s.Headers {
		if name == "" {
			c.Fault("signature_headers"+indexText(i), "is empty")
		}
	}
	if p := s.Parameters; p != nil && p.Timestamp != "" && s.TimestampHeader != "" {
		c.Fault("timestamp_header", "is set, and so is parameters.timestamp; set one of them")
	}
	s.validateSigned(c)
}

// validateSigned reports parts of a request that are used and not signed, or signed and not sent.
func (s *HMACSettings) validateSigned(c *setup.Check) {
	t, err := parseTemplate(s.template())
	if err != nil {
		c.Error("signed", err)
		return
	}
	if !t.has("body") {
		c.Fault("signed", "has no {body}: anybody who has seen a request could send another body with its signature")
	}
	switch hasTime := s.hasTime(); {
	case hasTime && !t.has("timestamp"):
		c.Fault("signed", "has no {timestamp}: a time of sending that is not signed can be changed")
	case !hasTime && t.has("timestamp"):
		c.Fault("signed", "has {timestamp}, and neither timestamp_header nor parameters.timestamp is set")
	}
	switch {
	case s.IDHeader != "" && !t.has("id"):
		c.Fault("signed", "has no {id}: an ID in id_header that is not signed can be changed")
	case s.IDHeader == "" && t.has("id"):
		c.Fault("signed", "has {id}, and id_header is not set")
	}
	if s.URL != "" && !t.has("url") {
		c.Fault("url", "is set, and signed has no {url}")
	}
}

// hasTime reports whether the sender sends a time.
func (s *HMACSettings) hasTime() bool {
	return s.TimestampHeader != "" || (s.Parameters != nil && s.Parameters.Timestamp != "")
}

// template returns the text of the template of the signed bytes.
func (s *HMACSettings) template() string {
	switch {
	case s.Signed != "":
		return s.Signed
	case s.IDHeader != "" && s.hasTime():
		return "{id}.{timestamp}.{body}"
	case s.IDHeader != "":
		return "{id}.{body}"
	case s.hasTime():
		return "{timestamp}.{body}"
	}
	return "{body}"
}

// signatureHeaders returns the headers that may have a signature.
func (s *HMACSettings) signatureHeaders() []string {
	if len(s.Headers) > 0 {
		return s.Headers
	}
	return []string{s.Header}
}

// lookedFor returns all headers that a request needs; the first may have the signature.
func (s *HMACSettings) lookedFor() []string {
	names := slices.Clone(s.signatureHeaders())
	for _, name := range []string{s.TimestampHeader, s.IDHeader} {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// challenge returns the challenge of RFC 9110 for the header of the signature. A prefix in the header Authorization,
// such as "HMAC ", is an authentication scheme of its own.
func (s *HMACSettings) challenge() string {
	header := s.signatureHeaders()[0]
	scheme := strings.TrimSpace(s.Prefix)
	if textproto.CanonicalMIMEHeaderKey(header) == "Authorization" && isToken(scheme) {
		return challengeOf(scheme)
	}
	return challengeOf("Signature", "header", header)
}

// Scheme implements Settings.
func (s *HMACSettings) Scheme() (Scheme, error) {
	verifier, err := NewHMAC(*s)
	if err != nil {
		return Scheme{}, err
	}
	scheme := Scheme{
		Verifier:  verifier,
		Headers:   s.lookedFor(),
		Challenge: s.challenge(),
		keys:      verifier.secrets,
	}
	if s.IDHeader != "" {
		scheme.IDHeaders = []string{s.IDHeader}
	}
	return scheme, nil
}
