package webhook

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
)

// Handshake is a sender's way to check an endpoint before it sends messages there, such as Okta's verification. It is
// asked about every request of its source. Its answers contain nothing of a request but the value that the protocol wants
// back, and only if that value is short and plain, see challengeIn.
type Handshake interface {
	// Open returns the answer to a request whose signature was not checked. It reads the method, the headers and the
	// query, and never the body. Nil means that the request is no handshake. The error is a *refusal.Error about a
	// handshake that is wrong.
	Open(r Request) (*Answer, error)
	// Verified is the same for a request whose credential or signature is right. It may read the body.
	Verified(r Request) (*Answer, error)
}

// Answer is an answer to a handshake. Its status is 200.
type Answer struct {
	// ContentType is empty if there is no body.
	ContentType string
	Body        []byte
	// Header has further headers of the answer.
	Header http.Header
	// Continue means that the request is a message too, and the header belongs to the answer to that message.
	Continue bool
	// NeedsProof means that an answer of Open must not be sent before the credential was verified.
	NeedsProof bool
}

// HandshakeSettings are the settings of a handshake.
type HandshakeSettings struct {
	// Kind is a name of HandshakeKinds.
	Kind string
	// Tokens are the verify tokens of meta, which needs them, and the client IDs of adobe_sign. Without client IDs any
	// is answered.
	Tokens []secret.Text
}

// handshakeKinds has the handshakes by name. All senders of a line do the same.
var handshakeKinds = map[string]struct {
	doc string
	new func(HandshakeSettings, Scheme) Handshake
}{
	"okta":       {"Okta's event hooks: GET with X-Okta-Verification-Challenge", newOkta},
	"adobe_sign": {"Adobe Acrobat Sign: its client ID is returned, on GET and on each POST", newAdobeSign},
	"slack":      {"events of Slack: a signed POST of the type url_verification", newSlackVerification},
	"graph":      {"Microsoft Graph: POST with validationToken in the query", newGraph},
	"meta":       {"Meta and WebSub: GET with hub.challenge; handshake_tokens has the verify tokens", newMeta},
	"dropbox":    {"Dropbox and Nylas: GET with challenge in the query", newDropbox},
	"trello":     {"Trello, Mandrill and Mailchimp: HEAD or GET is answered 200", newTrello},
	"zoom":       {"Zoom: a signed POST of endpoint.url_validation", newZoom},
	"crc":        {"X: GET with crc_token, which is answered with its HMAC", newCRC},
	"event_grid": {
		"Azure Event Grid: a verified POST of SubscriptionValidationEvent, or OPTIONS with WebHook-Request-Origin",
		newEventGrid,
	},
	"monday": {"monday.com: a verified POST with challenge", newMonday},
}

// HandshakeKinds returns the names of all handshakes with a line about each.
func HandshakeKinds() map[string]string {
	kinds := map[string]string{}
	for name, kind := range handshakeKinds {
		kinds[name] = kind.doc
	}
	return kinds
}

// WithHandshake returns the scheme with a handshake. The error is a setup.FieldError.
func (s Scheme) WithHandshake(settings HandshakeSettings) (Scheme, error) {
	kind, known := handshakeKinds[settings.Kind]
	needsKey := settings.Kind == "zoom" || settings.Kind == "crc"
	switch {
	case !known:
		names := slices.Sorted(maps.Keys(handshakeKinds))
		return s, setup.NewFieldError("handshake", "%q is not one of %s%s",
			settings.Kind, strings.Join(names, ", "), setup.DidYouMean(settings.Kind, names))
	case s.Verifier == nil:
		return s, setup.NewFieldError("handshake", "does not go with this scheme, which has its own")
	case settings.Kind == "meta" && len(settings.Tokens) == 0:
		return s, setup.NewFieldError("handshake_tokens", "are missing: meta sends a verify token, which must be checked")
	case len(settings.Tokens) > 0 && settings.Kind != "meta" && settings.Kind != "adobe_sign":
		return s, setup.NewFieldError("handshake_tokens", "are only for meta and adobe_sign")
	case needsKey && len(s.keys) == 0:
		return s, setup.NewFieldError("handshake", "is made with the secret of a signature: the scheme must be hmac, or one like it")
	}
	for i, token := range settings.Tokens {
		if token.IsZero() {
			return s, setup.NewFieldError("handshake_tokens"+indexText(i), "is empty")
		}
	}
	s.Handshake = kind.new(settings, s)
	if settings.Kind == "crc" {
		s = s.RefusingChallenges()
	}
	return s, nil
}

// TellsSignaturesOf reports whether the handshake tells anybody signatures by a secret of another scheme.
func (s Scheme) TellsSignaturesOf(other Scheme) bool {
	_, tells := s.Handshake.(crc)
	return tells && slices.ContainsFunc(s.keys, func(key secret.Text) bool { return slices.ContainsFunc(other.keys, key.Equal) })
}

// RefusingChallenges returns the scheme without messages that could be the challenge of a handshake.
func (s Scheme) RefusingChallenges() Scheme {
	s.refusesChallenges = true
	return s
}

// AnswerOpen returns the answer to a handshake that needs no signature, or nil if the request is none. A credential of
// the whole request is not needed by most protocols; if it was sent, it must be right, so that a wrong one is noticed
// when the sender registers.
func (s Scheme) AnswerOpen(now time.Time, r Request) (*Answer, error) {
	if s.Handshake == nil || s.Verifier == nil {
		return nil, nil //nolint:nilnil // see the comment
	}
	answer, err := s.Handshake.Open(r)
	if err != nil || answer == nil {
		return nil, err
	}
	if answer.NeedsProof || s.CoversRequest {
		if err := s.Verify(now, r); err != nil && (answer.NeedsProof || !errors.Is(err, ErrMissing)) {
			return nil, err
		}
	}
	return answer, nil
}

// AnswerVerified returns the answer to a handshake in a verified request, or nil if the request is none.
func (s Scheme) AnswerVerified(r Request) (*Answer, error) {
	if s.Handshake == nil {
		return nil, nil //nolint:nilnil // see the comment
	}
	return s.Handshake.Verified(r)
}

// maxChallenge bounds a challenge, in bytes. The longest known is Microsoft Graph's, of some 130 bytes.
const maxChallenge = 1024

// checkChallenge refuses a challenge that no sender makes, because we return it: one that is long, or has characters
// with a meaning in HTML or in headers.
func checkChallenge(place, value string) error {
	for _, c := range []byte(value) {
		if c < ' ' || c > '~' || strings.IndexByte("<>&\"'`\\", c) >= 0 {
			return refuseHandshake(refusal.Malformed, place, "the challenge in %s has characters that no challenge has", place)
		}
	}
	if value == "" || len(value) > maxChallenge {
		return refuseHandshake(refusal.Malformed, place, "the challenge in %s is empty or too long", place)
	}
	return nil
}

// refuseHandshake returns the refusal of a handshake. The sender is told all of it, because it contains no secret.
func refuseHandshake(code refusal.Code, place, format string, args ...any) error {
	err := &refusal.Error{Code: code, Field: place, PublicField: place}
	err.Detail = refuse(code, place, format, args...).Error()
	err.Public = err.Detail
	return err
}

// textAnswer returns the challenge of a query or a body as plain text.
func textAnswer(place, challenge string) (*Answer, error) {
	if err := checkChallenge(place, challenge); err != nil {
		return nil, err
	}
	return &Answer{ContentType: "text/plain; charset=utf-8", Body: []byte(challenge)}, nil
}

// jsonAnswer returns an object of texts, one of which is the challenge.
func jsonAnswer(place, challenge string, object map[string]string) (*Answer, error) {
	if err := checkChallenge(place, challenge); err != nil {
		return nil, err
	}
	body, err := json.Marshal(object)
	return &Answer{ContentType: "application/json", Body: body}, err
}

// parameterIn returns a parameter of the query that was sent once.
func parameterIn(r Request, name string) string {
	values, err := url.ParseQuery(r.Query)
	if err != nil || len(values[name]) != 1 {
		return ""
	}
	return values.Get(name)
}
