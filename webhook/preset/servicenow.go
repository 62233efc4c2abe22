package preset

// ServiceNow are the settings of outbound REST messages of ServiceNow. They sign nothing: their authentication profile
// sends a user name and a password as Basic, or the message has a header with a token
// (https://www.servicenow.com/docs/bundle/zurich-api-reference/page/integrate/outbound-rest/task/t_ConfigureOutboundRESTMessage.html).
type ServiceNow struct {
	PasswordOrToken `yaml:",inline"`
}

// Reading implements Sender. ServiceNow has no body of its own: a business rule writes it. That of docs/webhooks.md
// sends a record of sysapproval_approver. The order ID is correlation_id of what is approved, or else its number.
func (s *ServiceNow) Reading() Reading {
	return Reading{
		Event:  `has(body.sysapproval)`,
		Filter: `body.state in ["approved", "rejected"]`,
		Fields: map[string][]string{
			"id":      {`body.sys_id + "/" + body.state`},
			"order":   {`body.sysapproval.correlation_id`, `body.sysapproval.number`},
			"outcome": {`body.state`},
			"by":      {`body.approver.email`, `body.approver.user_name`},
			"comment": {`body.comments`},
		},
	}
}
