package httptarget

import (
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/callback"
)

// newBody returns the body for the answer: the JSON of callback.FitAnswer, with the audience, the workflow and the
// execution of the approval. They are signed, so a receiver that compares them notices an answer that was made for another
// receiver or another workflow and was forwarded to it.
func newBody(a approval.Answer) ([]byte, error) {
	name, err := callback.ErrorName(a)
	if err != nil {
		return nil, err
	}
	a.Output = withContext(a)
	text, err := callback.FitAnswer(a, name, MaxBody, false)
	return text, approval.Permanent(err)
}

// withContext returns the configured additions with our own fields. An addition with the name of one of them is left
// out, also in upper case, because many JSON readers do not distinguish the two.
func withContext(a approval.Answer) map[string]any {
	fields := make(map[string]any, len(a.Output)+3)
	for name, value := range a.Output {
		if !strings.EqualFold(name, "audience") && !strings.EqualFold(name, "workflow") && !strings.EqualFold(name, "execution") {
			fields[name] = value
		}
	}
	fields["audience"] = callback.AudienceOf(a.Token.Reveal())
	fields["workflow"] = a.Workflow
	if a.Execution != "" {
		fields["execution"] = a.Execution
	}
	return fields
}
