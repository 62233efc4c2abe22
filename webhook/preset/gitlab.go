package preset

import (
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/webhook"
)

// GitLab are the settings of GitLab's webhooks. They send a secret token in X-Gitlab-Token, which every GitLab can do.
// Newer ones also sign by a signing token: Standard Webhooks, version v1
// (https://docs.gitlab.com/user/project/integrations/webhooks/, https://gitlab.com/gitlab-org/gitlab/-/merge_requests/230944).
type GitLab struct {
	Tokens        []secret.Text `yaml:"tokens" doc:"secret tokens of the webhook (X-Gitlab-Token), any of which is accepted"`
	SigningTokens []secret.Text `yaml:"signing_tokens" doc:"signing tokens of the webhook, whsec_…, any of which may have signed; a request with a right token or a right signature is accepted"`
}

// Validate implements setup.Validator.
func (s *GitLab) Validate(c *setup.Check) {
	if len(s.Tokens) == 0 && len(s.SigningTokens) == 0 {
		c.Fault("tokens", "are missing, and so are signing_tokens; set one of them")
	}
}

// Scheme implements webhook.Settings.
func (s *GitLab) Scheme() (webhook.Scheme, error) {
	token := webhook.TokenSettings{Header: "X-Gitlab-Token", Tokens: s.Tokens}
	if len(s.SigningTokens) == 0 {
		return token.Scheme()
	}
	standard := webhook.StandardSettings{Secrets: s.SigningTokens}
	signed, err := standard.Scheme()
	if err != nil {
		return webhook.Scheme{}, renameField(err, "secrets", "signing_tokens")
	}
	if len(s.Tokens) == 0 {
		return signed, nil
	}
	plain, err := token.Scheme()
	if err != nil {
		return webhook.Scheme{}, err
	}
	signed.Verifier = either{signed.Verifier, plain.Verifier}
	signed.Headers = append(signed.Headers, plain.Headers...)
	signed.CredentialHeader = plain.CredentialHeader
	return signed, nil
}

// Reading implements Sender. An approval of a merge request approves; taking it back, or closing the merge request,
// rejects. The order ID is PROJECT!NUMBER, such as group/project!42. People are named by their user name, because GitLab
// sends [REDACTED] as the address of everybody who does not show it
// (https://docs.gitlab.com/user/project/integrations/webhook_events/#merge-request-events).
func (s *GitLab) Reading() Reading {
	const request = `body.object_attributes`
	return Reading{
		Event: `has(body.object_kind) || has(body.event_name)`,
		// GitLab itself takes approvals back when somebody pushes a commit. That is nobody's decision.
		Filter: `body.object_kind == "merge_request" && ` + request +
			`.action in ["approved", "approval", "unapproved", "unapproval", "close"] && ` +
			request + `.?system.orValue(false) != true`,
		Fields: map[string][]string{
			"order":   {`body.project.path_with_namespace + "!" + string(` + request + `.iid)`},
			"outcome": {request + `.action in ["approved", "approval"] ? "approve" : "reject"`},
			"by":      {`body.user.username`},
		},
	}
}
