// Package refusal describes why a message or a call from outside was refused, as data: a code, the field at fault, and
// what was looked for and found. Every way in makes refusals, the sender is told the safe part of them, and the
// operator all of it: in the log, in metrics and in the list of recent refusals.
package refusal

import (
	"context"
	"errors"
	"time"
)

// Code is the kind of a reason. It is a label of metrics, so the codes are few and fixed.
type Code string

// The codes.
const (
	Missing     Code = "missing"      // the credential, signature or required field is not there
	Malformed   Code = "malformed"    // the credential or signature cannot be read
	Mismatch    Code = "mismatch"     // the credential or signature is not one of the configured ones
	Stale       Code = "stale"        // the time of sending is too far from our time
	Unknown     Code = "unknown"      // the path names no source, workflow or page of ours
	Method      Code = "method"       // the path does not take this method
	Query       Code = "query"        // a query parameter is unknown, repeated or malformed
	TooLarge    Code = "too_large"    // the body is larger than the limit
	Incomplete  Code = "incomplete"   // the body did not arrive whole, or not fast enough
	Encoding    Code = "encoding"     // the compression or the text encoding of the body cannot be read
	Format      Code = "format"       // the body is not in the format of the source: JSON, a form
	Field       Code = "field"        // a field of the message is missing or wrong
	Forbidden   Code = "forbidden"    // the principal may not do this
	Decision    Code = "decision"     // the decision does not count; the history of the order has the reason
	RateLimited Code = "rate_limited" // more calls than this sender may make
	Busy        Code = "busy"         // no memory or capacity is left for this sender now
	Unavailable Code = "unavailable"  // the store or another service did not answer; the same call may work later
)

// Codes returns all codes, for metrics that start at 0.
func Codes() []Code {
	return []Code{
		Missing, Malformed, Mismatch, Stale, Unknown, Method, Query, TooLarge, Incomplete, Encoding, Format, Field,
		Forbidden, Decision, RateLimited, Busy, Unavailable,
	}
}

// Error is a refusal as an error. Its texts never contain a secret, a signature, a value of the body, or any other
// value that came from outside: they name headers, fields and expressions.
type Error struct {
	Code Code
	// Field is the header or field at fault, such as "X-Signature-256" or "order".
	Field string
	// Detail is a sentence for the operator. It names what was looked for, and by name only what was found.
	Detail string
	// Public is the sentence for the sender. It is empty if the sender is told nothing beyond the kind of the answer.
	Public string
	// PublicField is what the sender is told in place of Field. Refused credentials have a field that is the same for
	// all reasons, because Field shows the reason.
	PublicField string
}

// Error returns the sentence for the operator.
func (e *Error) Error() string { return e.Detail }

// Is reports whether target is an *Error with the same code and no other field set. It makes errors.Is work with
// sentinels such as &Error{Code: Stale}.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && t.Field == "" && t.Detail == "" && t.Public == "" && t.PublicField == ""
}

// CodeOf returns the code of the first refusal in err, or "".
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

// The sources that every configuration has. The others are the names of webhooks, topics and queues as metrics have them:
// decision-NAME and request-NAME.
const (
	SourcePublic  = "public"  // a path of the public address that no route has, and a webhook that is not configured
	SourceAPI     = "api"     // the routes of the operator's address, except for those of the console
	SourceConsole = "console" // the operator's console
	SourceLink    = "link"    // the decision page
	SourceSignIn  = "signin"  // the sign-in of approvers
	SourceSlack   = "slack"   // the buttons in Slack
	SourceTeams   = "teams"   // the buttons in Microsoft Teams
)

// FixedSources returns the sources that every configuration has.
func FixedSources() []string {
	return []string{SourcePublic, SourceAPI, SourceConsole, SourceLink, SourceSignIn, SourceSlack, SourceTeams}
}

// Refusal is a refused message or call. The fields Route, Remote, Principal and Size of a call over HTTP need not be
// set: the recorder takes them from the Call in the context.
type Refusal struct {
	Time time.Time
	// Source is the way in: one of the constants above, or decision-NAME or request-NAME.
	Source string
	Code   Code
	Field  string
	Detail string
	// Status is the HTTP status of the answer, or 0 for a message of a queue and for a connection that was refused.
	Status int
	// Size is the length of the body as far as it was read, in bytes.
	Size int
	// Remote is the address of the caller, see package remote. It is empty for a message of a queue.
	Remote string
	// Route is the pattern of the route of a call over HTTP, such as "POST /v1/requests".
	Route string
	// Principal is the ID of the authenticated sender, such as "api:erp". It is empty if nobody was authenticated.
	Principal string
	// Body is the refused body. It is set only if the configuration of the source says that refused bodies are kept.
	Body []byte
}

// Recorder takes note of refusals. RecordRefusal returns quickly and never fails: the answer does not wait for it.
type Recorder interface {
	RecordRefusal(ctx context.Context, r Refusal)
}

// Discard is a Recorder that drops everything.
type Discard struct{}

// RecordRefusal implements Recorder.
func (Discard) RecordRefusal(context.Context, Refusal) {}

// OrDiscard returns the recorder, or Discard if it is nil.
func OrDiscard(r Recorder) Recorder {
	if r == nil {
		return Discard{}
	}
	return r
}
