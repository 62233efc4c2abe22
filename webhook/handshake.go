package webhook

import "net/http"

// Handshake is a sender's way to check an endpoint before it sends messages there, such as Okta's verification. It is
// asked about every request of its source. Its answers contain nothing of a request but the value that the protocol wants
// back, and only if that value is short and plain.
type Handshake interface {
	// Open returns the answer to a request whose signature was not checked. Nil means that the request is no
	// handshake. The error is a *refusal.Error about a handshake that is wrong.
	Open(r Request) (*Answer, error)
	// Verified is the same for a request whose credential or signature is right.
	Verified(r Request) (*Answer, error)
}

// Answer is an answer to a handshake.
type Answer struct {
	// Status is the HTTP status, such as 200.
	Status int
	// ContentType is empty if there is no body.
	ContentType string
	Body        []byte
	// Header has further headers, which Content-Type is not among.
	Header http.Header
	// Continue means that the request is a message too, and the header belongs to the answer to that message.
	Continue bool
}
