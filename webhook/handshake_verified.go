package webhook

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"

	"github.com/approval-relay/approval-relay/secret"
)

// verifiedFunc is a Handshake of requests that are signed like messages.
type verifiedFunc func(r Request) (*Answer, error)

// Open implements Handshake.
func (verifiedFunc) Open(Request) (*Answer, error) { return nil, nil } //nolint:nilnil // see Handshake

// Verified implements Handshake.
func (f verifiedFunc) Verified(r Request) (*Answer, error) { return f(r) }

// newSlackVerification answers https://docs.slack.dev/reference/events/url_verification.
func newSlackVerification(HandshakeSettings, Scheme) Handshake {
	return verifiedFunc(func(r Request) (*Answer, error) {
		var body struct{ Type, Challenge string }
		if r.Method != http.MethodPost || json.Unmarshal(r.Body, &body) != nil || body.Type != "url_verification" {
			return nil, nil
		}
		return textAnswer("challenge", body.Challenge)
	})
}

// newMonday answers https://developer.monday.com/apps/docs/webhooks: an object with a challenge and nothing else.
func newMonday(HandshakeSettings, Scheme) Handshake {
	return verifiedFunc(func(r Request) (*Answer, error) {
		var body map[string]string
		if r.Method != http.MethodPost || json.Unmarshal(r.Body, &body) != nil || len(body) != 1 || body["challenge"] == "" {
			return nil, nil
		}
		return jsonAnswer("challenge", body["challenge"], body)
	})
}

// zoom answers https://developers.zoom.us/docs/api/webhooks/#validate-your-webhook-endpoint: with the HMAC of a token.
// Only a sender that has the secret gets one.
type zoom struct{ scheme Scheme }

func newZoom(_ HandshakeSettings, scheme Scheme) Handshake { return zoom{scheme} }

// Open implements Handshake.
func (zoom) Open(Request) (*Answer, error) { return nil, nil }

// Verified implements Handshake.
func (h zoom) Verified(r Request) (*Answer, error) {
	var body struct {
		Event   string
		Payload struct{ PlainToken string }
	}
	if r.Method != http.MethodPost || json.Unmarshal(r.Body, &body) != nil || body.Event != "endpoint.url_validation" {
		return nil, nil
	}
	const name = "plainToken"
	token := body.Payload.PlainToken
	if err := checkOpaque(name, token); err != nil {
		return nil, err
	}
	mac := hex.EncodeToString(computeMAC(sha256.New, h.signingKey(r), []byte(token)))
	return jsonAnswer(name, token, map[string]string{"plainToken": token, "encryptedToken": mac})
}

// signingKey returns the secret by which the request was signed. While secrets rotate, it need not be the first.
func (h zoom) signingKey(r Request) secret.Text {
	if verifier, ok := h.scheme.Verifier.(*HMAC); ok {
		for _, key := range verifier.secrets {
			if verifier.matches(r, key) {
				return key
			}
		}
	}
	return h.scheme.keys[0]
}

// eventGrid answers https://learn.microsoft.com/azure/event-grid/end-point-validation-event-grid-events-schema, and
// the abuse protection of CloudEvents (https://github.com/cloudevents/spec/blob/main/cloudevents/http-webhook.md#4-abuse-protection).
type eventGrid struct{}

func newEventGrid(HandshakeSettings, Scheme) Handshake { return eventGrid{} }

// Open implements Handshake.
func (eventGrid) Open(r Request) (*Answer, error) {
	const name = "Webhook-Request-Origin"
	if r.Method != http.MethodOptions || len(r.Header.Values(name)) == 0 {
		return nil, nil
	}
	origin, err := singleHeader(r.Header, name)
	if err != nil {
		return nil, err
	}
	if err := checkChallenge(name, origin); err != nil {
		return nil, err
	}
	return &Answer{Header: http.Header{"Webhook-Allowed-Origin": {origin}, "Webhook-Allowed-Rate": {"*"}}}, nil
}

// Verified implements Handshake.
func (eventGrid) Verified(r Request) (*Answer, error) {
	var events []struct {
		EventType string
		Data      struct{ ValidationCode string }
	}
	if r.Method != http.MethodPost || json.Unmarshal(r.Body, &events) != nil || len(events) != 1 ||
		events[0].EventType != "Microsoft.EventGrid.SubscriptionValidationEvent" {
		return nil, nil
	}
	code := events[0].Data.ValidationCode
	return jsonAnswer("validationCode", code, map[string]string{"validationResponse": code})
}
