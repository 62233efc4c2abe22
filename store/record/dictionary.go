package record

// dictionary has texts that many records have, so that a record need not have them. The numbers of the texts are their
// places: texts are never moved or removed. Another text can only be added together with a new readerVersion of package
// store, because programs before it cannot read the records with it. The first 64 texts take one byte.
var dictionary = [...]string{
	"", "pending", "approved", "rejected", "returned", "timed_out", "cancelled", "superseded", "approve", "reject",
	"return", "abstain", "requested", "notified", "decision", "decided", "callback_attempt", "callback_ended", "ok",
	"failed", "owed", "delivered", "sent", "dropped", "exhausted", "delivered_presumed", "unknown", "too_late",
	"request", "outcome", "reminder", "escalation", "update", "event", "recorded", "waiting", "repeated", "webhook",
	"api", "link", "chat", "sso", "sns", "operator", "any", "all", "quorum", "email", "slack", "teams", "http",
	"stepfunctions", "sfn", "wait", "told", "requester", "answer", "received", "source", "ask", "approval.requested",
	"approval.approved", "act", "add_approvers", "address_forbidden", "ambiguous", "anonymous", "answered",
	"answered_by_another", "approval.cancelled", "approval.proposed", "approval.rejected", "approval.returned",
	"approval.superseded", "approval.timed_out", "asker", "assurance", "cancel", "changed", "circuit_open", "closed",
	"confirm", "conflict", "connection_failed", "decide", "decline", "denied", "dismiss", "duplicate", "edited",
	"ended", "escalate", "escalated", "extend_deadline", "forbidden", "heartbeat", "invalid", "invalid_answer",
	"invalid_token", "late", "no_answer", "no_capacity", "none", "not_approver", "not_configured", "not_found",
	"not_made", "notification_exhausted", "notification_failed", "optional", "order_full", "overflow", "pass_on",
	"probed", "propose", "proposed", "proposer", "question", "rate_limited", "reading_note", "received_too_often",
	"reconciled", "redriven", "refused", "remind", "reminded", "replace_approver", "request_repeated", "required",
	"result_not_recorded", "task_closed", "throttled", "token_erased", "undeliverable", "unmatched_expired",
	"amount", "date", "difference", "document", "markdown", "picture", "table", "hidden", "not_given", "unreadable",
	"too_much", "empty", "secret", "string", "number", "integer", "boolean", "one", "many", "en", "de",
}
