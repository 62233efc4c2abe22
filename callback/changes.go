package callback

import (
	"bytes"
	"slices"

	"github.com/approval-relay/approval-relay/approval"
)

// mergeChanges leaves a change for each part of the request, from the value that was asked to the last one. A part
// changed back has none. Without the changes by the votes before the deciding one, a workflow would go on with a
// request that nobody has approved.
func mergeChanges(fields object, a approval.Answer) {
	field := fields.find("changes")
	if field == nil {
		return
	}
	merged := []change{}
	for _, c := range newChanges(approval.ChangesOf(a.Votes)) {
		i := slices.IndexFunc(merged, func(earlier change) bool { return earlier.Path == c.Path })
		if i >= 0 {
			c.From = merged[i].From
			merged = slices.Delete(merged, i, i+1)
		}
		merged = append(merged, c)
	}
	field.value = slices.DeleteFunc(merged, func(c change) bool { return bytes.Equal(c.From, c.To) })
}

// removeChanges leaves no changes of a request that is not approved: no workflow goes on with it.
func removeChanges(fields object, s approval.Status) {
	if field := fields.find("changes"); field != nil && s != approval.Approved {
		field.value = []change{}
	}
}
