package console

import (
	"strings"

	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/refusal/recent"
)

// adviceFor returns what to check for an entry of the list of refusals.
func adviceFor(e recent.Entry) string {
	if isSender(e.Source) {
		if text := senderAdvice(e.Code); text != "" {
			return text
		}
	}
	if e.Status == 0 && e.Remote != "" && e.Field == "headers" {
		return "Look at the headers that the client sends: cookies and tokens of other services may be too large together."
	}
	if e.Status == 0 && e.Remote != "" {
		return "Compare tls of this address in the configuration with the certificate and the CAs of the client."
	}
	switch e.Code {
	case refusal.Missing, refusal.Malformed, refusal.Mismatch:
		return tokenAdvice(e.Source)
	case refusal.Unknown:
		return "Compare the address that the caller uses with the address in the configuration, with its prefix."
	case refusal.Method:
		return "The caller uses another method than the path takes."
	case refusal.Query:
		return "Compare the query of the call with the API's description: an unknown filter is refused, because without it " +
			"the list would have everything."
	case refusal.Forbidden:
		return "Compare the verbs and workflows of this token in the configuration with the call."
	case refusal.Decision:
		return "The decision was read and does not count. The history of the order has the verdict."
	case refusal.RateLimited:
		return "The caller sends more than it may, or tries credentials. Look at the address."
	case refusal.Busy, refusal.Unavailable:
		return "It may work when it is sent again. Look at the log and at readiness."
	case refusal.Stale:
		return "A link, form or session was used after its time."
	}
	return "Compare what was sent with what is expected here."
}

// isSender reports whether the source is a webhook, a topic or a queue.
func isSender(source string) bool {
	return strings.HasPrefix(source, "decision-") || strings.HasPrefix(source, "request-")
}

// senderAdvice returns what to check for a webhook, topic or queue, or the empty text.
func senderAdvice(code refusal.Code) string {
	switch code {
	case refusal.Missing:
		return "The sender does not send it, or a proxy removes it. Compare the name with the sender's settings."
	case refusal.Malformed:
		return "The sender signs in another form. Compare scheme, prefix and encoding in the configuration with the sender's."
	case refusal.Mismatch:
		return "The secret differs on the two sides (another environment, a rotation, a line end), or a proxy has changed the body."
	case refusal.Stale:
		return "Compare the clocks of both sides, and look for a queue or a proxy that delivers late."
	case refusal.Format, refusal.Encoding, refusal.Incomplete, refusal.TooLarge:
		return "Compare Content-Type, Content-Encoding and size of what is sent with the settings body and max_body."
	case refusal.Field:
		return "Compare the names in the message with the expressions of fields. approval-relay check decision or check request " +
			"shows what is found in a body."
	}
	return ""
}

func tokenAdvice(source string) string {
	switch source {
	case refusal.SourceSlack:
		return "Compare signing_secrets of the channel with the signing secret of the Slack app, and the clock of this worker."
	case refusal.SourceTeams:
		return "Compare app_id of the channel with the application of the bot, and the clock of this worker."
	case refusal.SourceSignIn:
		return "Compare public.oidc with the provider's settings: issuer, client and claims."
	case refusal.SourceLink:
		return "Usually a link that was cut off in a mail or chat. A new message has a new link."
	case refusal.SourceConsole:
		return "Compare the token that was typed with operator.tokens or the token file of this worker."
	case refusal.SourceAPI:
		return "Compare the caller's token with operator.tokens, operator.api_tokens or the token file of this worker. The command " +
			"line says where its token is from."
	}
	return "Compare what was sent with what is expected here."
}
