package console

import "github.com/approval-relay/approval-relay/approval"

// describeTruth describes how a task has ended, as its workflow told afterwards.
func describeTruth(e approval.Event) eventView {
	text := map[approval.Truth]string{
		approval.TruthAnswered:  "The workflow has our answer",
		approval.TruthAnother:   "The workflow has an answer that is not ours",
		approval.TruthTimedOut:  "The workflow's task had timed out by itself",
		approval.TruthEnded:     "The workflow had ended without an answer",
		approval.TruthNotFound:  "The workflow does not tell how its task has ended",
		approval.TruthForbidden: "How the task has ended is not known: the role may not read the execution's history",
	}[approval.Truth(e.Code)]
	tone := "bad"
	switch approval.Truth(e.Code) {
	case approval.TruthAnswered:
		tone = "good"
	case approval.TruthNotFound, approval.TruthForbidden:
		tone = "warn"
	case approval.TruthAnother, approval.TruthTimedOut, approval.TruthEnded:
	}
	if text == "" {
		text = e.Code
	}
	return eventView{Text: text, Note: e.Note, Tone: tone}
}
