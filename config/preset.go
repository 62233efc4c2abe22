package config

import (
	"github.com/approval-relay/approval-relay/webhook"
	"github.com/approval-relay/approval-relay/webhook/preset"
)

// presetKinds lists the senders that are known. To add one, write its file in package preset and add a line here.
func presetKinds() []Kind[webhook.Settings] {
	return []Kind[webhook.Settings]{
		{"github", "GitHub: HMAC-SHA256 in X-Hub-Signature-256; reviews of deployments and of pull requests decide",
			func() webhook.Settings { return new(preset.GitHub) }},
		{"gitlab", "GitLab: X-Gitlab-Token, or a signature by the signing token; approvals of merge requests decide",
			func() webhook.Settings { return new(preset.GitLab) }},
		{"jira", "Jira Cloud: HMAC-SHA256 in X-Hub-Signature; the status of an issue decides",
			func() webhook.Settings { return new(preset.Jira) }},
		{"jira_data_center", "Jira Data Center: as Jira Cloud, or Basic; the status of an issue decides",
			func() webhook.Settings { return new(preset.JiraDataCenter) }},
		{"servicenow", "ServiceNow: Basic or a token in a header; an approval record that a business rule posts decides",
			func() webhook.Settings { return new(preset.ServiceNow) }},
		{"docusign", "DocuSign Connect: HMAC-SHA256 in X-DocuSign-Signature-1 and so on; signed and declined envelopes decide",
			func() webhook.Settings { return new(preset.DocuSign) }},
		{"adobe_sign", "Adobe Acrobat Sign: client ID and a token in the URL; signed and declined agreements decide",
			func() webhook.Settings { return new(preset.AdobeSign) }},
		{"pagerduty", "PagerDuty: HMAC-SHA256 in X-PagerDuty-Signature; a note on an incident decides",
			func() webhook.Settings { return new(preset.PagerDuty) }},
		{"opsgenie", "Opsgenie: a token in a header; acknowledging and closing an alert decides",
			func() webhook.Settings { return new(preset.Opsgenie) }},
		{"zendesk", "Zendesk: HMAC-SHA256 of time and body in X-Zendesk-Webhook-Signature; a trigger, or a tag on a ticket, decides",
			func() webhook.Settings { return new(preset.Zendesk) }},
		{"webflow", "Webflow: HMAC-SHA256 of time and body in X-Webflow-Signature; a form decides",
			func() webhook.Settings { return new(preset.Webflow) }},
		{"stripe", "Stripe, and senders that sign alike: t=TIMESTAMP,v1=SIGNATURE in one header; reviews and checkout sessions decide",
			func() webhook.Settings { return new(preset.Stripe) }},
		{"okta", "Okta event hooks: a secret in a header, and the verification of the endpoint; access requests decide",
			func() webhook.Settings { return new(preset.Okta) }},
		{"azure_devops", "Azure DevOps service hooks: Basic or a token in a header; approvals of releases and stages decide",
			func() webhook.Settings { return new(preset.AzureDevOps) }},
		{"teams", "Microsoft Teams, outgoing webhooks: HMAC-SHA256 in Authorization; \"@NAME approve ORDER\" decides",
			func() webhook.Settings { return new(preset.Teams) }},
	}
}

// setReading sets how the decisions of a webhook are read, as far as the file does not tell it. A known sender has
// expressions of its own. Its filter belongs to its outcome: a file that reads the outcome elsewhere means other events.
func (w *Webhook) setReading() {
	fields := decisionFields()
	if sender, ok := w.Settings().(preset.Sender); ok {
		filter, expressions := sender.Reading().Expressions(textsOf(fields))
		if _, written := w.Fields["outcome"]; w.Filter == "" && !written {
			w.Filter = filter
		}
		fields = map[string]Expressions{}
		for name, list := range expressions {
			fields[name] = list
		}
	}
	w.Fields = withDefaults(fields, w.Fields)
}

func textsOf(fields map[string]Expressions) map[string][]string {
	texts := map[string][]string{}
	for name, list := range fields {
		texts[name] = list
	}
	return texts
}
