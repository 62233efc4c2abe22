package approval

import (
	"slices"
	"strings"
)

// Prefixes of principals: the authenticated makers of calls that are not persons.
const (
	apiPrefix      = "api:"
	operatorPrefix = "operator:"
)

// apiSource is the name that stands for every API token in the sources of a request.
const apiSource = "api"

// APIPrincipal returns the principal of the program with the API token of this name. It is also the source of the
// decisions that the program sends.
func APIPrincipal(name string) string { return apiPrefix + name }

// SourcePrincipal returns the principal of a webhook or topic.
func SourcePrincipal(name string) string { return sourcePrefix + name }

// OperatorPrincipal returns the principal of the operator with the token of this name.
func OperatorPrincipal(name string) string { return operatorPrefix + name }

// Actor is who makes an act that is not a decision, such as a cancellation. The fields are as in Decision.
type Actor struct {
	By        string
	Principal string
	Claimed   string
	Via       Via
	Source    string
}

// OperatorSource is the source of everything that operators do.
const OperatorSource = "operator"

// OperatorActor returns the operator with the token of this name, who may act on behalf of somebody else.
func OperatorActor(name, onBehalfOf string) Actor {
	a := Actor{By: name, Principal: OperatorPrincipal(name), Via: ViaOperator, Source: OperatorSource}
	if !SamePerson(name, onBehalfOf) {
		a.Claimed = onBehalfOf
	}
	return a
}

// ProgramActor returns the program with the API token of this name, which may name a person.
func ProgramActor(name, claimed string) Actor {
	principal := APIPrincipal(name)
	return Actor{
		By:        sourceName(principal),
		Principal: principal,
		Claimed:   claimed,
		Via:       ViaAPI,
		Source:    principal,
	}
}

// record adds the actor to an event.
func (a Actor) record(e *Event) {
	e.By = a.By
	e.Principal = a.Principal
	e.Claimed = a.Claimed
	e.Via = a.Via
	e.Source = a.Source
}

// includesSource reports whether the sources of a request include a source. The name "api" includes every API token.
func includesSource(sources []string, source string) bool {
	isAPI := strings.HasPrefix(source, apiPrefix)
	return slices.Contains(sources, source) || (isAPI && slices.Contains(sources, apiSource))
}

// isNamedBy reports whether an ID names this approver. The approver "source:api" is every API token.
func (p Approver) isNamedBy(id string) bool {
	if SamePerson(p.ID, id) {
		return true
	}
	isAPI := strings.HasPrefix(string(NewPersonID(id)), sourceName(apiPrefix))
	return isAPI && SamePerson(p.ID, sourceName(apiSource))
}
