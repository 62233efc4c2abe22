package api

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
)

// orderFields decides for each field of an order whether the API publishes it. The value is the JSON name, or
// "internal: " and the reason. A new field of the domain fails TestEveryFieldIsDecided until it is listed here.
var orderFields = map[string]string{
	"Order.ID":              "orderId",
	"Order.Approvals":       "approvals",
	"Order.Unmatched":       "unmatchedDecisions",
	"Order.JudgedDecisions": "internal: it only recognises repeated decisions",
	"Order.History":         "history",
	"Order.ShedParts":       "shedParts",

	"RecordedAct.Proposal": "proposal",
	"Vote.ConfirmedBy":     "confirmedBy",
	"Proposal.Kind":        "kind",
	"Proposal.Principal":   "principal",
	"Proposal.Claimed":     "claimed",
	"Proposal.ExpiresAt":   "expiresAt",
	"Proposal.Outcome":     "outcome",
	"Proposal.Choice":      "choice",
	"Proposal.Values":      "values",
	"Proposal.ShownDigest": "shownDigest",
	"Proposal.From":        "from",
	"Proposal.To":          "to",
	"Proposal.Until":       "until",
	"Proposal.ConfirmedBy": "confirmedBy",
	"Proposal.ConfirmedAt": "confirmedAt",

	"Approval.ID":                 "approvalId",
	"Approval.Status":             "status",
	"Approval.RequestedAt":        "requestedAt",
	"Approval.ClosedAt":           "closedAt",
	"Approval.SupersededBy":       "supersededBy",
	"Approval.Reason":             "reason",
	"Approval.Votes":              "votes",
	"Approval.Round":              "round",
	"Approval.Previous":           "previousRound",
	"Approval.Acts":               "acts",
	"Approval.Questions":          "questions",
	"Approval.RequesterTold":      "internal: the notifications show it, and it only prevents a second message",
	"Approval.Notifications":      "notifications",
	"Approval.NotificationsMade":  "internal: it only numbers notifications",
	"Approval.NotificationRounds": "internal: it only groups notifications",
	"Approval.RemindersSent":      "remindersSent",
	"Approval.EscalationsDone":    "escalationsDone",
	"Approval.FirstNotifiedAt":    "firstNotifiedAt",
	"Approval.Undeliverable":      "undeliverable",
	"Approval.Dismissed":          "dismissed",
	"Approval.Probe":              "internal: it lasts for seconds, and the history has its answer",
	"Approval.HeartbeatDue":       "nextHeartbeatAt",
	"Approval.HeartbeatsKept":     "internal: it only tells that the next heartbeat is due in memory",
	"Approval.HeartbeatTaken":     "internal: it only judges the callback of a closed task",
	"Approval.Callback":           "callback",

	"Request.Token":             "internal: the secret that answers the workflow",
	"Request.Target":            "target",
	"Request.Workflow":          "workflow",
	"Request.Step":              "step",
	"Request.Title":             "title",
	"Request.Details":           "details",
	"Request.Execution":         "execution",
	"Request.Requester":         "requester",
	"Request.Trace":             "traceparent",
	"Request.Approvers":         "approvers",
	"Request.Policy":            "policy",
	"Request.MinAssurance":      "minAssurance",
	"Request.Sources":           "sources",
	"Request.Channels":          "channels",
	"Request.FallbackChannels":  "fallbackChannels",
	"Request.GroupChannels":     "groupChannels",
	"Request.ProgramChannels":   "programChannels",
	"Request.Reminders":         "reminders",
	"Request.Escalations":       "escalations",
	"Request.OnUndeliverable":   "onUndeliverable",
	"Request.State":             "stateName",
	"Request.SourcesRequired":   "sourcesRequired",
	"Request.Asker":             "asker",
	"Request.AskerMayDecide":    "askerMayDecide",
	"Request.RetryCount":        "retryCount",
	"Request.RedriveCount":      "redriveCount",
	"Request.ReadingNotes":      "internal: the answer to the request and the history have them",
	"Request.CanProbe":          "internal: a property of the target",
	"Request.StateEnteredAt":    "stateEnteredAt",
	"Request.AttemptStartedAt":  "attemptStartedAt",
	"Request.Deadline":          "deadline",
	"Request.TaskExpires":       "taskExpiresAt",
	"Request.HeartbeatInterval": "heartbeatInterval",
	"Request.HeartbeatTimeout":  "heartbeatTimeout",
	"Request.RejectAsSuccess":   "rejectAsSuccess",
	"Request.Output":            "output",
	"Request.CallbackRetry":     "internal: the configuration states the retry schedules",
	"Request.NotificationRetry": "internal: the configuration states the retry schedules",
	"Request.Retention":         "retention",

	"Request.Choices":       "choices",
	"Request.Form":          "form",
	"Request.Edits":         "edits",
	"Request.Content":       "internal: the body of the request may have secrets; the details are what approvers see",
	"Request.RequestDigest": "requestDigest",
	"Request.Receipt":       "receipt",
	"Request.Agent":         "internal: the answer to the agent has what it needs",
	"Request.Audience":      "internal: the receipt states it",
	"Request.RulesVersion":  "internal: the receipt states it",
	"Request.MaxRounds":     "maxRounds",

	"Request.OriginalDigest": "originalRequestDigest",
	"Request.Payload":        "payload",

	"PreviousRound.ApprovalID":      "approvalId",
	"PreviousRound.ReturnedAt":      "returnedAt",
	"PreviousRound.Votes":           "votes",
	"PreviousRound.Differences":     "differences",
	"PreviousRound.MoreDifferences": "moreDifferences",

	"PreviousVote.By":      "decidedBy",
	"PreviousVote.Outcome": "outcome",
	"PreviousVote.Choice":  "choice",
	"PreviousVote.Label":   "label",
	"PreviousVote.Comment": "comment",
	"PreviousVote.At":      "at",
	"PreviousVote.Void":    "void",

	"Difference.Name":   "name",
	"Difference.Before": "before",
	"Difference.After":  "after",

	"Choice.ID":      "id",
	"Choice.Label":   "label",
	"Choice.Means":   "means",
	"Choice.Comment": "comment",
	"Choice.Fields":  "fields",

	"form.Form.Fields": "form",

	"form.Field.Name":        "name",
	"form.Field.Kind":        "kind",
	"form.Field.Title":       "title",
	"form.Field.Description": "description",
	"form.Field.Required":    "required",
	"form.Field.Format":      "format",
	"form.Field.MinLength":   "minLength",
	"form.Field.MaxLength":   "maxLength",
	"form.Field.Minimum":     "minimum",
	"form.Field.Maximum":     "maximum",
	"form.Field.Options":     "options",
	"form.Field.MinItems":    "minItems",
	"form.Field.MaxItems":    "maxItems",
	"form.Field.Default":     "default",

	"form.Option.Value": "value",
	"form.Option.Title": "title",

	"RequesterRules.RequesterChannels":  "requesterChannels",
	"RequesterRules.RequesterNonce":     "internal: it makes the link of the requester",
	"RequesterRules.RequesterComments":  "requesterSeesComments",
	"RequesterRules.RequesterWithdraws": "requesterWithdraws",
	"RequesterRules.RequesterAnswers":   "requesterAnswers",
	"RequesterRules.PassOnTo":           "passOnTo",
	"RequesterRules.DecidedUntold":      "decidedUntold",

	"Question.ID":         "questionId",
	"Question.By":         "by",
	"Question.Text":       "text",
	"Question.At":         "at",
	"Question.Answer":     "answer",
	"Question.AnsweredAt": "answeredAt",

	"Field.Name":     "name",
	"Field.Value":    "value",
	"Field.Kind":     "kind",
	"Field.State":    "state",
	"Field.Outdated": "outdated",
	"Field.Label":    "label",
	"Field.Path":     "path",
	"Field.IsPath":   "internal: it tells how people read the name",
	"Field.Currency": "currency",
	"Field.Before":   "before",
	"Field.After":    "after",
	"Field.Table":    "table",
	"Field.File":     "file",
	"Field.LeftOut":  "leftOut",
	"Table.Columns":  "columns",
	"Table.Rows":     "rows",
	"File.URL":       "url",
	"File.Name":      "name",
	"File.Type":      "type",
	"File.Size":      "size",
	"File.Digest":    "digest",
	"LeftOut.Reason": "reason",
	"LeftOut.Count":  "count",
	"LeftOut.Names":  "names",

	"Approver.ID":               "id",
	"Approver.Nonce":            "internal: it makes the link of the approver",
	"Approver.SubstituteFor":    "substituteFor",
	"Approver.Escalated":        "escalated",
	"Approver.Declined":         "declined",
	"Approver.Channels":         "channels",
	"Approver.FallbackChannels": "fallbackChannels",

	"RecordedAct.ID":       "proposalId",
	"RecordedAct.Kind":     "kind",
	"RecordedAct.At":       "at",
	"RecordedAct.By":       "by",
	"RecordedAct.From":     "from",
	"RecordedAct.To":       "to",
	"RecordedAct.Reason":   "reason",
	"RecordedAct.Deadline": "deadline",

	"Policy.Kind":         "kind",
	"Policy.Quorum":       "quorum",
	"Policy.VetoDisabled": "veto",

	"Vote.DecisionID":  "decisionId",
	"Vote.Outcome":     "outcome",
	"Vote.By":          "decidedBy",
	"Vote.Principal":   "principal",
	"Vote.Claimed":     "claimed",
	"Vote.Comment":     "comment",
	"Vote.Via":         "via",
	"Vote.Source":      "source",
	"Vote.At":          "at",
	"Vote.ShownDigest": "shownDigest",
	"Vote.Choice":      "choice",
	"Vote.Values":      "values",
	"Vote.Changes":     "changes",
	"Vote.Void":        "void",

	"Vote.CommentDigest": "internal: the receipt states it",

	"Change.Field": "field",
	"Change.Path":  "path",
	"Change.From":  "from",
	"Change.To":    "to",
	"Change.By":    "by",
	"Change.At":    "at",

	"Escalation.At":        "at",
	"Escalation.Approvers": "approvers",

	"UnmatchedDecision.Decision":   "unmatchedDecisions",
	"UnmatchedDecision.ExpiresAt":  "expiresAt",
	"UnmatchedDecision.RemoveAt":   "internal: when the store drops an expired decision",
	"UnmatchedDecision.Expired":    "expired",
	"UnmatchedDecision.JudgeAt":    "internal: when it is looked at again",
	"UnmatchedDecision.AdmittedAt": "internal: it only keeps the decision from a later request",

	"Decision.ID":          "decisionId",
	"Decision.Step":        "step",
	"Decision.ApprovalID":  "approvalId",
	"Decision.Outcome":     "outcome",
	"Decision.Choice":      "choice",
	"Decision.Values":      "values",
	"Decision.By":          "decidedBy",
	"Decision.Principal":   "principal",
	"Decision.Claimed":     "claimed",
	"Decision.IDFromBody":  "internal: it only recognises repeated decisions",
	"Decision.Execution":   "execution",
	"Decision.Workflows":   "workflows",
	"Decision.Comment":     "comment",
	"Decision.Via":         "via",
	"Decision.Source":      "source",
	"Decision.SentAt":      "sentAt",
	"Decision.ReceivedAt":  "at",
	"Decision.Trace":       "internal: spans only",
	"Decision.ShownDigest": "internal: a waiting decision was not made on a page",

	"Notification.ID":             "notificationId",
	"Notification.Kind":           "kind",
	"Notification.Event":          "event",
	"Notification.Channel":        "channel",
	"Notification.Approver":       "approver",
	"Notification.State":          "state",
	"Notification.Round":          "internal: it only groups notifications",
	"Notification.NextFallback":   "internal: an index into the fallback channels",
	"Notification.Receipt":        "internal: what a channel needs to edit its message",
	"Notification.Outdated":       "internal: it only repeats an update",
	"Notification.CreatedAt":      "createdAt",
	"Notification.Due":            "dueAt",
	"Notification.Attempts":       "attempts",
	"Notification.AttemptRunning": "attemptRunning",
	"Notification.HeldSince":      "internal: it bounds how long a message is held back",
	"Notification.Pause":          "internal: it bounds how long a message is retried",
	"Notification.SentAt":         "sentAt",
	"Notification.LastError":      "lastError",

	"Callback.State":                 "state",
	"Callback.PendingSince":          "pendingSince",
	"Callback.Due":                   "dueAt",
	"Callback.Attempts":              "attempts",
	"Callback.AttemptsBeforeRedrive": "internal: it only restarts the retry schedule",
	"Callback.AttemptRunning":        "attemptRunning",
	"Callback.MaybeApplied":          "maybeApplied",
	"Callback.MaybeAppliedAt":        "internal: it only judges the callback of a closed task",
	"Callback.LastError":             "lastError",
	"Callback.LastReasonCode":        "reasonCode",
	"Callback.HeldSince":             "internal: it bounds how long an answer is held back",
	"Callback.Pause":                 "internal: it bounds how long an answer is retried",
	"Callback.EndedAt":               "endedAt",
	"Callback.Reconciliation":        "truth",

	"Reconciliation.Due":      "internal: the history has its answer",
	"Reconciliation.Attempts": "internal: the history has its answer",
	"Reconciliation.Running":  "internal: the history has its answer",
	"Reconciliation.Truth":    "truth",
	"Reconciliation.At":       "internal: the history has the time",

	"Callback.RefusedSince": "internal: it only bounds the retries of refusals",
	"Callback.Redrives":     "redrives",

	"Event.At":            "at",
	"Event.Kind":          "kind",
	"Event.Approval":      "approvalId",
	"Event.Workflow":      "workflow",
	"Event.By":            "by",
	"Event.Principal":     "principal",
	"Event.Claimed":       "claimed",
	"Event.From":          "from",
	"Event.To":            "to",
	"Event.Until":         "until",
	"Event.Via":           "via",
	"Event.Source":        "source",
	"Event.Outcome":       "outcome",
	"Event.Code":          "code",
	"Event.Channel":       "channel",
	"Event.Target":        "target",
	"Event.Note":          "note",
	"Event.ReasonCode":    "reasonCode",
	"Event.Attempt":       "attempt",
	"Event.Age":           "age",
	"Event.TimeLeft":      "timeLeft",
	"Event.AnswerMissed":  "internal: the approval is unanswered",
	"Event.Trace":         "internal: spans only",
	"Event.DecisionTrace": "internal: spans only",
}

const internal = "internal: "

// filler sets every field of an order to a value that no other field has, and keeps how JSON shows it.
type filler struct {
	next  int
	shown map[string][]string // by Type.Field, the texts that the JSON has if the field is published
}

func (f *filler) fill(v reflect.Value, name string) {
	f.next++
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		at := time.Unix(1_700_000_000+int64(f.next), 0).UTC()
		v.Set(reflect.ValueOf(at))
		f.shown[name] = append(f.shown[name], at.Format(time.RFC3339))
		return
	case v.Type() == reflect.TypeFor[time.Duration]():
		d := time.Duration(1_000_000+f.next) * time.Second
		v.Set(reflect.ValueOf(d))
		f.shown[name] = append(f.shown[name], d.String())
		return
	case v.Type() == reflect.TypeFor[approval.Token]():
		v.Set(reflect.ValueOf(approval.NewToken("marker-" + name)))
		f.shown[name] = append(f.shown[name], "marker-"+name)
		return
	case v.Type() == reflect.TypeFor[json.Number]():
		v.SetString(fmt.Sprint(900_000 + f.next))
		f.shown[name] = append(f.shown[name], v.String())
		return
	case v.Type() == reflect.TypeFor[json.RawMessage]():
		text := fmt.Sprintf(`"marker-%d."`, f.next)
		v.SetBytes([]byte(text))
		f.shown[name] = append(f.shown[name], text)
		return
	}
	switch v.Kind() {
	case reflect.String:
		text := fmt.Sprintf("marker-%d.", f.next)
		v.SetString(text)
		f.shown[name] = append(f.shown[name], text)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(900_000 + f.next))
		f.shown[name] = append(f.shown[name], fmt.Sprint(900_000+f.next))
	case reflect.Bool:
		v.SetBool(true) // too common a value to be looked for
	case reflect.Map:
		text := fmt.Sprintf("marker-%d.", f.next)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("key").Convert(v.Type().Key()), reflect.ValueOf(text))
		f.shown[name] = append(f.shown[name], text)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		f.fill(v.Index(0), name)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem(), name)
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			child := ownerOf(v.Type(), name) + "." + field.Name
			if strings.HasPrefix(orderFields[name], internal) {
				child = name // all that is in an internal field is internal
			}
			switch {
			case field.Anonymous && field.Type.Name() == "DecisionRules":
				f.fill(v.Field(i), "Request")
			case field.Anonymous:
				f.fill(v.Field(i), field.Type.Name())
			case field.IsExported():
				f.shown[child] = append(f.shown[child], []string{}...)
				f.fill(v.Field(i), child)
			}
		}
	default:
		panic("a field of a new kind: " + name)
	}
}

// ownerOf returns the name of a struct in orderFields. The rules of a decision count as fields of the request.
func ownerOf(typ reflect.Type, name string) string {
	switch {
	case typ == reflect.TypeFor[approval.DecisionRules]():
		return name
	case strings.HasSuffix(typ.PkgPath(), "/form"):
		return "form." + typ.Name()
	}
	return typ.Name()
}

func filledOrder() (*approval.Order, map[string][]string) {
	f := &filler{shown: map[string][]string{}}
	o := &approval.Order{}
	f.fill(reflect.ValueOf(o).Elem(), "Order")
	for name := range f.shown {
		if !strings.Contains(name, ".") {
			delete(f.shown, name)
		}
	}
	return o, f.shown
}

// Every field of an order is published under its name in orderFields, or is internal and the JSON lacks its value.
func TestEveryFieldIsDecided(t *testing.T) {
	t.Parallel()
	o, shown := filledOrder()
	text, err := json.Marshal(newOrder(o))
	require.NoError(t, err)
	for field, values := range shown {
		decision, listed := orderFields[field]
		require.True(t, listed, "%s is a new field: publish it or name it as internal, in orderFields", field)
		reason, hidden := strings.CutPrefix(decision, internal)
		require.NotEmpty(t, strings.TrimSpace(reason), field)
		for _, value := range values {
			require.Equal(t, !hidden, strings.Contains(string(text), value), "%s is %q\n%s", field, decision, text)
		}
		if !hidden {
			require.Contains(t, string(text), `"`+decision+`":`, field)
		}
	}
	for field := range orderFields {
		require.Contains(t, shown, field, "orderFields has a field that is gone")
	}
}
