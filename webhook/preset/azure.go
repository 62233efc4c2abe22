package preset

// AzureDevOps are the settings of web hooks of Azure DevOps (service hooks). They sign nothing: they send a user name and
// a password as Basic, or HTTP headers that the subscription lists
// (https://learn.microsoft.com/en-us/azure/devops/service-hooks/services/webhooks).
type AzureDevOps struct {
	PasswordOrToken `yaml:",inline"`
}

// Reading implements Sender. The approval of a release or of a stage of a pipeline decides. The order ID is the ID of the
// release, or of the run. Approvals that no person gave are no decisions
// (https://learn.microsoft.com/en-us/azure/devops/service-hooks/events, "Release deployment approval completed" and "Run
// stage approval completed").
func (s *AzureDevOps) Reading() Reading {
	const approval = `body.resource.approval`
	const step = approval + `.steps.filter(s, s.status == ` + approval + `.status)[0]`
	return Reading{
		Event: `has(body.eventType)`,
		Filter: `(body.eventType.endsWith("release.deployment-approval-completed-event") || ` +
			`body.eventType == "ms.vss-pipelinechecks-events.approval-completed") && ` +
			approval + `.status in ["approved", "rejected"] && ` + approval + `.?isAutomated.orValue(false) != true`,
		Fields: map[string][]string{
			"id":      {`body.id`},
			"order":   {`string(body.resource.release.id)`, `string(body.resource.run.id)`, `body.resource.approval.id`},
			"outcome": {approval + `.status`},
			"by": {
				approval + `.approvedBy.uniqueName`, approval + `.approver.uniqueName`,
				step + `.actualApprover.uniqueName`, step + `.assignedApprover.uniqueName`,
				approval + `.approvedBy.id`, approval + `.approver.id`,
				step + `.actualApprover.id`, step + `.assignedApprover.id`,
			},
			"comment": {approval + `.comments`, step + `.comment`},
		},
	}
}
