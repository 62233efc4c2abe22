package api

import (
	"net/http"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/refusal"
)

// writeReply answers a verified message by a text for the person who has sent it, in the form of the sender. Its status is
// 200 for refusals too, because such senders show nothing of other answers, and send nothing again. The refusal is
// recorded under the status that others would get.
func (p SourcePolicy) writeReply(w http.ResponseWriter, r *http.Request, fate handlers.Fate) {
	text := replyText(fate)
	if text == "" {
		writeAnswer(w, r, fate.Body, fate.Err)
		return
	}
	if call := refusal.CallOf(r.Context()); call != nil && fate.Err != nil {
		described := describeRefusal(fate.Err)
		described.Status = statusOf(fate.Err)
		call.Describe(described)
	}
	writeJSON(w, http.StatusOK, "application/json", p.Reply(text))
}

// replyText returns the text about a message, or the empty text for messages that are no decisions.
func replyText(fate handlers.Fate) string {
	if fate.Err != nil {
		problem := problemOf(fate.Err)
		if problem.Detail == "" {
			return "Not recorded: " + problem.Title
		}
		return "Not recorded: " + problem.Detail
	}
	decided, ok := fate.Body.(handlers.Decided)
	switch {
	case !ok:
		return ""
	case decided.Verdict == approval.VerdictWaiting:
		return "Recorded. Nothing waits for a decision about " + decided.OrderID + " yet; the decision waits for its request."
	case decided.Verdict == approval.VerdictRepeated:
		return "It was recorded before: " + decided.OrderID + " is " + string(decided.Status) + "."
	}
	return "Recorded: " + decided.OrderID + " is " + string(decided.Status) + "."
}
