package preset

import (
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/webhook"
)

// AdobeSign are the settings of webhooks of Adobe Acrobat Sign. They sign nothing. Every request has the header
// X-AdobeSign-ClientId with the client ID of the application that made the webhook, and every answer must return it. The
// ID is no secret: all webhooks that were made in the web application share one. So the URL of the webhook has a token
// too (https://opensource.adobe.com/acrobat-sign/acrobat_sign_events/index.html).
type AdobeSign struct {
	ClientIDs []string      `yaml:"client_ids" doc:"client IDs of the applications that made the webhook; empty is that of the web application"`
	Parameter string        `yaml:"parameter" doc:"query parameter of the webhook's URL with the token"`
	Tokens    []secret.Text `yaml:"tokens" doc:"tokens, any of which the URL may have"`
}

// adobeClientID is the header with the client ID.
const adobeClientID = "X-AdobeSign-ClientId"

// adobeWebApplication is the client ID of all webhooks that were made in the web application.
const adobeWebApplication = "UB7E5BXCXY"

// SetDefaults implements setup.Defaulter.
func (s *AdobeSign) SetDefaults(setup.Common) {
	setup.Default(&s.Parameter, "token")
	if len(s.ClientIDs) == 0 {
		s.ClientIDs = []string{adobeWebApplication}
	}
}

// Scheme implements webhook.Settings.
func (s *AdobeSign) Scheme() (webhook.Scheme, error) {
	if slices.Contains(s.ClientIDs, "") {
		return webhook.Scheme{}, setup.NewFieldError("client_ids", "has an empty ID")
	}
	token := webhook.QuerySettings{Parameter: s.Parameter, Tokens: s.Tokens}
	scheme, err := token.Scheme()
	if err != nil {
		return webhook.Scheme{}, err
	}
	scheme.Verifier = adobeVerifier{token: scheme.Verifier, clientIDs: s.ClientIDs}
	return scheme.WithHandshake(webhook.HandshakeSettings{Kind: "adobe_sign", Tokens: secret.NewAll(s.ClientIDs)})
}

// adobeVerifier verifies the token in the URL and the client ID.
type adobeVerifier struct {
	token     webhook.Verifier
	clientIDs []string
}

// Verify implements webhook.Verifier.
func (v adobeVerifier) Verify(now time.Time, r webhook.Request) error {
	if err := v.token.Verify(now, r); err != nil {
		return err
	}
	switch values := r.Header.Values(adobeClientID); {
	case len(values) == 0:
		return refuseClientID(refusal.Missing, "is missing")
	case len(values) > 1 || !slices.Contains(v.clientIDs, values[0]):
		return refuseClientID(refusal.Mismatch, "has none of client_ids")
	}
	return nil
}

func refuseClientID(code refusal.Code, reason string) error {
	return &refusal.Error{Code: code, Field: adobeClientID, Detail: "the header " + adobeClientID + " " + reason}
}

// Reading implements Sender. An agreement that all have signed, or that one has declined, decides. The order ID is the
// external ID of the agreement, or else its ID.
func (s *AdobeSign) Reading() Reading {
	return Reading{
		Event: `has(body.webhookId)`,
		Filter: `body.event == "AGREEMENT_REJECTED" || (body.event == "AGREEMENT_WORKFLOW_COMPLETED" && ` +
			`body.agreement.status in ["SIGNED", "APPROVED", "ACCEPTED", "DELIVERED", "FORM_FILLED"])`,
		Fields: map[string][]string{
			"id":      {`body.webhookNotificationId`},
			"order":   {`body.agreement.externalId.id`, `body.agreement.id`},
			"outcome": {`body.event == "AGREEMENT_WORKFLOW_COMPLETED" ? "approve" : "reject"`},
			"by":      {`body.participantUserEmail`, `body.actingUserEmail`},
		},
	}
}
