package role

import (
	"maps"
	"slices"
)

// Mapping gives roles to people by the values of a claim, such as their groups at a provider.
type Mapping struct {
	// Values are the values of the claim that give a role.
	Values map[Role][]string
	// Workflows limit the roles that a value gives to these workflows. A value that is missing here gives its roles for
	// all workflows.
	Workflows map[string][]string
}

// Select returns the values that give a role, in order. A session keeps these only.
func (m Mapping) Select(values []string) []string {
	var selected []string
	for _, r := range slices.Sorted(maps.Keys(m.Values)) {
		for _, value := range values {
			if slices.Contains(m.Values[r], value) {
				selected = append(selected, value)
			}
		}
	}
	slices.Sort(selected)
	return slices.Compact(selected)
}

// Grants returns the roles of a person with these values.
func (m Mapping) Grants(values []string) Grants {
	var grants Grants
	for _, r := range slices.Sorted(maps.Keys(m.Values)) {
		for _, value := range m.Select(values) {
			if slices.Contains(m.Values[r], value) {
				grants = append(grants, Grant{Role: r, Workflows: m.Workflows[value]})
			}
		}
	}
	return grants
}
