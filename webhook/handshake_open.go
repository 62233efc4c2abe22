package webhook

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/secret"
)

// openFunc is a Handshake of requests that are not signed.
type openFunc func(r Request) (*Answer, error)

// Open implements Handshake.
func (f openFunc) Open(r Request) (*Answer, error) { return f(r) }

// Verified implements Handshake. The request has had its answer from Open.
func (openFunc) Verified(Request) (*Answer, error) { return nil, nil } //nolint:nilnil // see Handshake

// newOkta answers https://developer.okta.com/docs/concepts/event-hooks/#one-time-verification-request.
func newOkta(HandshakeSettings, Scheme) Handshake {
	const name = "X-Okta-Verification-Challenge"
	return openFunc(func(r Request) (*Answer, error) {
		if r.Method != http.MethodGet || len(r.Header.Values(name)) == 0 {
			return nil, nil
		}
		challenge, err := singleHeader(r.Header, name)
		if err != nil {
			return nil, err
		}
		return jsonAnswer(name, challenge, map[string]string{"verification": challenge})
	})
}

// newOktaWithProof returns the handshake of schemes for the whole request, unless another is configured: a sender that
// has proved its identity may have its challenge back.
func newOktaWithProof() Handshake {
	okta := newOkta(HandshakeSettings{}, Scheme{})
	return openFunc(func(r Request) (*Answer, error) {
		answer, err := okta.Open(r)
		if answer != nil {
			answer.NeedsProof = true
		}
		return answer, err
	})
}

// adobeSign answers https://helpx.adobe.com/sign/developer/webhook/overview.html: the client ID of the sender's
// application is returned when the webhook is registered and for each notification.
type adobeSign struct{ clients [][sha256.Size]byte }

const adobeSignHeader = "X-Adobesign-Clientid"

func newAdobeSign(s HandshakeSettings, _ Scheme) Handshake { return adobeSign{digestsOf(s.Tokens)} }

// Open implements Handshake.
func (h adobeSign) Open(r Request) (*Answer, error) {
	if r.Method != http.MethodGet || len(r.Header.Values(adobeSignHeader)) == 0 {
		return nil, nil
	}
	return h.answer(r)
}

// Verified implements Handshake.
func (h adobeSign) Verified(r Request) (*Answer, error) {
	if len(r.Header.Values(adobeSignHeader)) == 0 {
		return nil, nil
	}
	answer, err := h.answer(r)
	if err != nil {
		return nil, err
	}
	answer.Continue = true
	return answer, nil
}

func (h adobeSign) answer(r Request) (*Answer, error) {
	client, err := singleHeader(r.Header, adobeSignHeader)
	if err != nil {
		return nil, err
	}
	if len(h.clients) > 0 && indexDigest(h.clients, client) < 0 {
		return nil, refuseHandshake(refusal.Mismatch, adobeSignHeader,
			"the client ID in the header %s is not in handshake_tokens", adobeSignHeader)
	}
	answer, err := jsonAnswer(adobeSignHeader, client, map[string]string{"xAdobeSignClientId": client})
	if err != nil {
		return nil, err
	}
	answer.Header = http.Header{adobeSignHeader: {client}}
	return answer, nil
}

// newGraph answers https://learn.microsoft.com/graph/change-notifications-delivery-webhooks#notificationurl-validation.
func newGraph(HandshakeSettings, Scheme) Handshake {
	return openFunc(func(r Request) (*Answer, error) {
		challenge := parameterIn(r, "validationToken")
		if r.Method != http.MethodPost || challenge == "" {
			return nil, nil
		}
		return textAnswer("validationToken", challenge)
	})
}

// newMeta answers https://developers.facebook.com/docs/graph-api/webhooks/getting-started#verification-requests, and
// the verification of intent of WebSub (https://www.w3.org/TR/websub/#hub-verifies-intent) with a verify token.
func newMeta(s HandshakeSettings, _ Scheme) Handshake {
	tokens := digestsOf(s.Tokens)
	return openFunc(func(r Request) (*Answer, error) {
		challenge := parameterIn(r, "hub.challenge")
		if r.Method != http.MethodGet || challenge == "" {
			return nil, nil
		}
		if indexDigest(tokens, parameterIn(r, "hub.verify_token")) < 0 {
			return nil, refuseHandshake(refusal.Mismatch, "hub.verify_token", "the verify token is missing or not in handshake_tokens")
		}
		if parameterIn(r, "hub.mode") != "subscribe" {
			return nil, refuseHandshake(refusal.Malformed, "hub.mode", "the query parameter hub.mode is not subscribe")
		}
		return textAnswer("hub.challenge", challenge)
	})
}

// newDropbox answers https://www.dropbox.com/developers/reference/webhooks#documentation.
func newDropbox(HandshakeSettings, Scheme) Handshake {
	return openFunc(func(r Request) (*Answer, error) {
		challenge := parameterIn(r, "challenge")
		if r.Method != http.MethodGet || challenge == "" {
			return nil, nil
		}
		return textAnswer("challenge", challenge)
	})
}

// newTrello answers https://developer.atlassian.com/cloud/trello/guides/rest-api/webhooks/#creating-a-webhook.
func newTrello(HandshakeSettings, Scheme) Handshake {
	return openFunc(func(r Request) (*Answer, error) {
		if r.Method != http.MethodHead && r.Method != http.MethodGet {
			return nil, nil
		}
		return &Answer{}, nil
	})
}

// crc answers https://docs.x.com/x-api/webhooks/introduction#challenge-response-checks: with the HMAC of the token.
// Anybody can send a token, and learns its signature. So tokens are opaque, and Scheme.Verify refuses opaque messages:
// no signature of a token is that of a message.
type crc struct{ key secret.Text }

func newCRC(_ HandshakeSettings, scheme Scheme) Handshake { return crc{scheme.keys[0]} }

// Open implements Handshake.
func (h crc) Open(r Request) (*Answer, error) {
	const name = "crc_token"
	challenge := parameterIn(r, name)
	if r.Method != http.MethodGet || challenge == "" {
		return nil, nil
	}
	if err := checkOpaque(name, challenge); err != nil {
		return nil, err
	}
	mac := base64.StdEncoding.EncodeToString(computeMAC(sha256.New, h.key, []byte(challenge)))
	return jsonAnswer(name, challenge, map[string]string{"response_token": "sha256=" + mac})
}

// Verified implements Handshake.
func (crc) Verified(Request) (*Answer, error) { return nil, nil }

// checkOpaque refuses a challenge that is not opaque, because its HMAC could be the signature of a message.
func checkOpaque(place, challenge string) error {
	if isOpaque(challenge) {
		return nil
	}
	return refuseHandshake(refusal.Malformed, place, "the challenge in %s is not a short text of letters and digits", place)
}

// isOpaque reports whether a challenge has only the characters of base64.
func isOpaque(challenge string) bool {
	text := strings.TrimRight(challenge, "=")
	padding := len(challenge) - len(text)
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/"
	return text != "" && len(challenge) <= maxChallenge && strings.Trim(text, alphabet) == "" && padding <= 2
}

func digestsOf(tokens []secret.Text) [][sha256.Size]byte {
	digests := make([][sha256.Size]byte, len(tokens))
	for i, token := range tokens {
		digests[i] = sha256.Sum256([]byte(strings.TrimSpace(token.Reveal())))
	}
	return digests
}
