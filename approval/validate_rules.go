package approval

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/approval-relay/approval-relay/form"
)

// MaxContent is the largest body of a request with edits, in bytes: the record keeps it, to be edited.
const MaxContent = 64 << 10

// validateRules returns an error that names the first fault of the rules, or nil.
func (r *DecisionRules) validateRules() error {
	if !r.HasOwnRules() && len(r.Edits) == 0 {
		return nil
	}
	if faults := r.Faults(); len(faults) > 0 {
		return InvalidField("decision."+faults[0].Place, "%s", faults[0].Reason)
	}
	switch {
	case len(r.Form.Fields) > form.MaxFields:
		return InvalidField("decision.form", "has %d fields, at most %d are possible", len(r.Form.Fields), form.MaxFields)
	case len(r.Content) > MaxContent:
		return InvalidField("decision.edits", "the body is %d bytes long, at most %d can be edited", len(r.Content), MaxContent)
	case len(r.Content) > 0 && !json.Valid(r.Content):
		return InvalidField("decision.edits", "the body is no JSON")
	}
	for _, name := range slices.Sorted(maps.Keys(r.Edits)) {
		present, found := r.PresentValue(name)
		if found && (present[0] == '{' || len(present) > form.MaxValues) {
			return InvalidField("decision.edits."+name, "replaces an object, or more than %d bytes", form.MaxValues)
		}
	}
	return nil
}
