package console

import (
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// describeAct describes an act that is neither a decision nor a cancellation.
func describeAct(e approval.Event) eventView {
	text := map[approval.ActKind]string{
		approval.ActRemind:  "Reminded" + withPreposition(" ", e.To),
		approval.ActAdd:     "Approvers added:" + withPreposition(" ", e.To),
		approval.ActReplace: "Approver " + e.From + " replaced" + withPreposition(" by ", e.To),
		approval.ActExtend:  "Deadline extended to " + e.Until.UTC().Format(time.RFC3339),
		approval.ActPassOn:  "Passed on" + withPreposition(" by ", e.From) + withPreposition(" to ", e.To),
		approval.ActDecline: e.From + " declined to decide",
		approval.ActAsk:     "Question to the requester",
		approval.ActAnswer:  "Answer of the requester",
		approval.ActDismiss: "Dismissed",
		approval.ActPropose: "Proposed",
		approval.ActConfirm: "Confirmed",
	}[approval.ActKind(e.Code)]
	if text == "" {
		text = e.Code
	}
	if e.Via == approval.ViaOperator || approval.ActKind(e.Code) == approval.ActAsk {
		text += withPreposition(", by ", knownActor(e))
	}
	return eventView{Text: text, Note: e.Note, Tone: "open"}
}
