package preset

import (
	"html"

	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/webhook"
)

// Teams are the settings of outgoing webhooks of Microsoft Teams. They sign the body: HMAC-SHA256, base64, in
// Authorization as "HMAC SIGNATURE". The key is the security token that Teams shows, decoded from base64
// (https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/add-outgoing-webhook).
type Teams struct {
	Secrets []secret.Text `yaml:"secrets" doc:"security tokens of the webhook as Teams shows them, any of which may have signed"`
}

// Scheme implements webhook.Settings.
func (s *Teams) Scheme() (webhook.Scheme, error) {
	scheme, err := hmacScheme(webhook.HMACSettings{
		Header:         "Authorization",
		Prefix:         "HMAC ",
		Encoding:       "base64",
		SecretEncoding: "base64",
		Secrets:        s.Secrets,
	})
	scheme.Reply = teamsReply
	return scheme, err
}

// teamsReply makes the message that Teams shows in the thread. Its text is HTML.
func teamsReply(text string) any {
	return map[string]string{"type": "message", "text": html.EscapeString(text)}
}

// Reading implements Sender. Somebody writes "@approvals approve A-1 COMMENT". People are named by their object ID in
// Entra, because several people can have the same name.
func (s *Teams) Reading() Reading {
	// Outcome and order are at the beginning, and a longer comment is cut. All of a long text would cost more than an
	// expression may.
	const head = `(body.text.size() > 1000 ? body.text.substring(0, 1000) : body.text)`
	const all = `(body.text.size() > 3000 ? body.text.substring(0, 3000) + " …" : body.text)`
	// The text is HTML: mentions are in <at>, the first of which is the webhook's own, and spaces may be entities.
	// Words before the mention belong to the sentence, as in "do not @approvals approve A-1". Its formatting does not.
	const start = `(h.matches("^(\\s|&nbsp;|<[a-z]+[^>]*>)*<at>[^<]*</at>") ? h.indexOf("</at>") + 5 : 0)`
	const plain = `.replace("<at>", "@").replace("</at>", "").replace("&nbsp;", " ").replace("\u00a0", " ")` +
		`.replace("\n", " ").replace("\r", " ").replace("&amp;", "&")`
	const words = `[` + head + `].map(h, h.substring(` + start + `)` + plain + `.split(" ").filter(w, w != ""))[0]`
	const behind = all + `.substring([` + head + `].map(h, ` + start + `)[0])` + plain
	return Reading{
		Event:  `has(body.text)`,
		Filter: `body.type == "message"`,
		Fields: map[string][]string{
			"id":      {`body.conversation.id + "/" + body.id`},
			"order":   {words + `[1]`},
			"outcome": {words + `[0]`},
			"by":      {`body.from.aadObjectId`, `body.from.id`},
			// The words behind the order ID.
			"comment": {
				`[` + words + `].map(w, ` + behind + `.trim().substring(w[0].size()).trim().substring(w[1].size()).trim())[0]` +
					`.replace("  ", " ").replace("  ", " ")`,
			},
		},
	}
}
