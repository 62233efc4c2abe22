package preview

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// notShown returns the paths of the body whose values approvers do not see, sorted. A value counts as shown if a text
// on the page contains it. Empty values and the task token are left out.
func notShown(body any, p *Request, token string) []string {
	shown := []string{p.OrderID, p.Step, p.Title, p.Requester, p.Execution}
	for _, a := range p.Approvers {
		shown = append(shown, a.ID)
	}
	for _, d := range p.Details {
		shown = append(shown, d.Value)
	}
	hidden := []string{}
	walkLeaves(body, "body", func(path, text string) {
		isShown := slices.ContainsFunc(shown, func(s string) bool { return strings.Contains(s, text) })
		if text != "" && text != token && !isShown {
			hidden = append(hidden, path)
		}
	})
	return hidden
}

// walkLeaves calls visit for every plain value, in the order of the names.
func walkLeaves(v any, path string, visit func(path, text string)) {
	switch value := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			walkLeaves(value[name], path+"."+name, visit)
		}
	case []any:
		for i, item := range value {
			walkLeaves(item, fmt.Sprintf("%s[%d]", path, i), visit)
		}
	case nil:
	default:
		visit(path, fmt.Sprint(value))
	}
}
