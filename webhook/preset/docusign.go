package preset

import (
	"strconv"

	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/webhook"
)

// DocuSign are the settings of DocuSign Connect in the format JSON SIM with HMAC. It signs the body: HMAC-SHA256,
// base64. Each key of the account signs in a header of its own: X-DocuSign-Signature-1, X-DocuSign-Signature-2, …, which
// is how keys rotate (https://developers.docusign.com/platform/webhooks/connect/hmac/).
type DocuSign struct {
	Secrets []secret.Text `yaml:"secrets" doc:"Connect keys, any of which may have signed"`
}

// docusignHeaders is how many headers are looked at. An account has one key, and two while keys rotate.
const docusignHeaders = 10

// Scheme implements webhook.Settings.
func (s *DocuSign) Scheme() (webhook.Scheme, error) {
	settings := webhook.HMACSettings{Encoding: "base64", Secrets: s.Secrets}
	for i := range docusignHeaders {
		settings.Headers = append(settings.Headers, "X-DocuSign-Signature-"+strconv.Itoa(i+1))
	}
	return hmacScheme(settings)
}

// Reading implements Sender. All signers have signed, or one has declined. The order ID is in a custom text field of the
// envelope that is named orderId (https://developers.docusign.com/platform/webhooks/connect/json-sim-event-model/).
func (s *DocuSign) Reading() Reading {
	const envelope = `body.data.envelopeSummary`
	const declining = envelope + `.recipients.signers.filter(s, s.status == "declined")[0]`
	return Reading{
		Event:  `has(body.event) && has(body.data)`,
		Filter: `body.event in ["envelope-completed", "envelope-declined"]`,
		Fields: map[string][]string{
			"id": {`body.data.envelopeId + "/" + body.event`},
			"order": {
				envelope + `.customFields.textCustomFields.` +
					`filter(f, f.name in ["orderId", "order_id", "OrderId", "Order ID", "order"])[0].value`,
			},
			"outcome": {`body.event == "envelope-completed" ? "approve" : "reject"`},
			"by":      {declining + `.email`, envelope + `.recipients.signers[0].email`},
			"comment": {declining + `.declinedReason`},
		},
	}
}
