package config

import (
	"slices"
	"strings"
)

// requestFields returns the expressions by which the fields of requests are found without configuration. They read the
// bodies of the well-known tutorials for waitForTaskToken as they are. Fields that give authority (approvers,
// requester, deadline, timeout, started, token) are at the top of the body only: an object within it is often the
// customer's own data. The order ID is no authority, so it may be in the data that the state machine sends along.
func requestFields() map[string]Expressions {
	return map[string]Expressions{
		"order": slices.Concat(
			Expressions{
				"body.orderId", "body.orderID", "body.order_id", "body.OrderId", "body.OrderID", "body.orderid",
				"body.orderNumber", "body.order_number",
				"body.approvalRequest.orderId", "body.approvalRequest.order_id", "body.order.id", "body.order.orderId",
			},
			within(dataObjects(), "orderId", "order_id", "OrderId"),
			within([]string{"input.order", "Input.order"}, "id", "orderId"),
			attributes("orderId", "OrderId", "order_id"),
		),
		"token": slices.Concat(
			Expressions{
				"body.taskToken", "body.TaskToken", "body.task_token", "body.MyTaskToken", "body.tasktoken", "body.myTaskToken",
				"body.state_machine_token", "body.stateMachineToken", "body.sfn_token", "body.sfnToken", "body.sfnTaskToken",
				"body.stepFunctionToken", "body.callbackToken", "body.callback_token", "body.callbackId", "body.callback_id",
			},
			attributes("TaskToken", "taskToken", "task_token", "MyTaskToken"),
		),
		"callback": {
			"body.callbackUrl", "body.callbackURL", "body.callback_url", "body.CallbackUrl", "body.CallbackURL",
			"body.callbackUri", "body.callback_uri", "body.resumeUrl",
		},
		"step":      {"body.step", "body.approvalRequest.step", "body.order.step"},
		"title":     {"body.title", "body.subject", "body.approvalRequest.title", "body.order.title", "body.MessageTitle"},
		"requester": {"body.requester", "body.requestedBy"},
		"execution": {
			"body.executionArn", "body.execution_arn", "body.ExecutionArn", "body.executionId", "body.execution_id",
			"body.ExecutionId", "body.executionName", "body.execution_name", "body.ExecutionName", "body.execution",
		},
		// Not body.state: that is as often the state of an address or of an order.
		"state":       {"body.stateName", "body.state_name", "body.StateName"},
		"approvers":   {"body.approvers", "body.approver", "body.managerEmail", "body.approverEmail"},
		"started":     {"body.enteredTime", "body.startedAt"},
		"deadline":    {"body.approvalDeadline", "body.deadline", "body.taskTokenExpiration", "body.expiresAt"},
		"timeout":     {"body.timeoutSeconds", "body.timeout_seconds", "body.TimeoutSeconds"},
		"retry_count": {"body.retryCount", "body.retry_count", "body.RetryCount"},
		// What people can decide is the file's: a request brings it only if the file names the place.
		"form":          nil,
		"choices":       nil,
		"redrive_count": {"body.redriveCount", "body.redrive_count", "body.RedriveCount", "body.executionRedriveCount"},
	}
}

// lastPlaces returns further default places of a field. They are read only in a request that has none of the places of
// requestFields, because their names are common: a token can be that of a session, and an ID can be that of anything.
// The name of the execution is the last of them. A token there counts only in a request without a callback URL.
func lastPlaces() map[string]Expressions {
	return map[string]Expressions{
		"order": slices.Concat(
			Expressions{`type(body.order) in [string, int, uint] ? body.order : ""`},
			Expressions{
				"body.requestId", "body.requestID", "body.request_id", "body.RequestId", "body.RequestID", "body.businessKey",
				"body.id", "body.ID", "body.Id",
			},
			within(dataObjects(), "requestId", "id"),
			Expressions{
				"body.executionName", "body.execution_name", "body.ExecutionName", "body.executionArn", "body.execution_arn",
				"body.ExecutionArn", "body.executionId", "body.execution_id", "body.ExecutionId",
			},
		),
		"token": slices.Concat(Expressions{"body.token", "body.Token"}, attributes("token", "Token")),
	}
}

// dataObjects returns the usual names of the data that a state machine sends along, such as its whole input.
func dataObjects() []string { return []string{"input", "Input", "payload", "Payload", "data"} }

// within returns the places of names in objects of the body.
func within(objects []string, names ...string) Expressions {
	var places Expressions
	for _, object := range objects {
		for _, name := range names {
			places = append(places, "body."+object+"."+name)
		}
	}
	return places
}

// attributes returns the places of message attributes.
func attributes(names ...string) Expressions {
	var places Expressions
	for _, name := range names {
		places = append(places, `meta["attribute.`+name+`"]`)
	}
	return places
}

// fieldsNotUsed returns the places of authority within the objects that tutorials send along. They are not read. A
// request that has them gets a note, so that its author sees why a name there has no effect.
func fieldsNotUsed() map[string]Expressions {
	places := map[string]Expressions{}
	for _, name := range []string{"approvers", "requester", "started", "deadline", "timeout"} {
		for _, object := range append([]string{"approvalRequest", "order"}, dataObjects()...) {
			for _, e := range requestFields()[name] {
				places[name] = append(places[name], strings.Replace(e, "body.", "body."+object+".", 1))
			}
		}
	}
	return places
}
