package webhook

import "github.com/approval-relay/approval-relay/secret"

// NewGitHub returns a verifier of GitHub's webhooks: HMAC-SHA256 of the body, hex, in X-Hub-Signature-256
// (https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries). The signature covers no time of
// sending, so a delivery that is sent again is recognized by its body.
func NewGitHub(secrets ...string) (*HMAC, error) {
	return NewHMAC(gitHubSettings(secret.NewAll(secrets)))
}

func gitHubSettings(secrets []secret.Text) HMACSettings {
	return HMACSettings{
		Header:   "X-Hub-Signature-256",
		Prefix:   "sha256=",
		Encoding: "hex",
		Secrets:  secrets,
	}
}
