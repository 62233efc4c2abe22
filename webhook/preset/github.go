package preset

import "github.com/approval-relay/approval-relay/webhook"

// GitHub are the settings of GitHub's webhooks. See webhook.NewGitHub.
type GitHub struct {
	webhook.GitHubSettings `yaml:",inline"`
}

// Reading implements Sender. Two events decide: the review of a deployment to a protected environment, whose order ID is
// the ID of the workflow run, and the review of a pull request, whose order ID is REPOSITORY#NUMBER, such as
// octocat/hello-world#42. Anybody can review pull requests of a public repository, so that reviews of strangers are left
// out (https://docs.github.com/en/webhooks/webhook-events-and-payloads#deployment_review, and #pull_request_review).
//
// The headers, such as X-GitHub-Event, are not signed, so that the events are told apart by their bodies: every event
// has a sender, except for the ping of a GitHub App, which has a zen. Bodies without them are those of other programs
// that sign as GitHub does.
func (s *GitHub) Reading() Reading {
	return Reading{
		Event: `has(body.sender) || (has(body.zen) && has(body.hook_id))`,
		Filter: `(body.action in ["approved", "rejected"] && has(body.approver.login) && has(body.workflow_run.id)) || ` +
			`(body.action == "submitted" && body.review.state in ["approved", "changes_requested"] && ` +
			`body.review.author_association in ["OWNER", "MEMBER", "COLLABORATOR"])`,
		Fields: map[string][]string{
			"order": {
				`string(body.workflow_run.id)`,
				`body.repository.full_name + "#" + string(body.pull_request.number)`,
			},
			"outcome": {`body.review.state == "approved" ? "approve" : "reject"`, `body.action`},
			"by":      {`body.review.user.login`, `body.approver.login`},
			"comment": {`body.review.body`, `body.comment`},
		},
	}
}
