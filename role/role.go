// Package role has the roles of operators: what each may do, and for which workflows.
//
// Every route of the operator's address and every page of the console names a single Right. A call gets the Scope in
// which its operator has that right, and everything that it reads or changes stays within that scope.
package role

import "slices"

// Right is a kind of call.
type Right string

// The rights.
const (
	Read       Right = "read"       // see approvals, dead letters and refusals, without the bodies of messages
	Audit      Right = "audit"      // export approvals, get receipts, open the bodies of messages
	Act        Right = "act"        // send requests, decide, cancel, and all other acts on approvals and dead letters
	Administer Right = "administer" // change the program itself: reload its configuration, pause all of it
	Metrics    Right = "metrics"    // read /metrics
)

// Role is a named set of rights.
type Role string

// The roles.
const (
	Viewer   Role = "viewer"   // sees what is going on
	Auditor  Role = "auditor"  // a viewer who may also take every detail out of the program
	Operator Role = "operator" // an auditor who acts
	Admin    Role = "admin"    // everything
	Scraper  Role = "metrics"  // Prometheus
)

// Roles lists every role.
func Roles() []string {
	return []string{string(Viewer), string(Auditor), string(Operator), string(Admin), string(Scraper)}
}

// Rights lists every right.
func Rights() []Right { return []Right{Read, Audit, Act, Administer, Metrics} }

// Has reports whether a role has a right. It returns false for an unknown role.
func (r Role) Has(right Right) bool {
	switch r {
	case Viewer:
		return right == Read || right == Metrics
	case Auditor:
		return right == Read || right == Audit || right == Metrics
	case Operator:
		return right == Read || right == Audit || right == Act || right == Metrics
	case Admin:
		return slices.Contains(Rights(), right)
	case Scraper:
		return right == Metrics
	}
	return false
}

// MayBeLimited reports whether a role can be limited to workflows. The other roles are about the whole program.
func (r Role) MayBeLimited() bool { return r == Viewer || r == Auditor || r == Operator }

// isOfWorkflows reports whether a right is about workflows, so that a role for a few of them has it.
func (r Right) isOfWorkflows() bool { return r == Read || r == Audit || r == Act }

// Grant is a role, for all workflows or for some.
type Grant struct {
	Role      Role
	Workflows []string // by name; an empty list means all
}

func (g Grant) isLimited() bool { return len(g.Workflows) > 0 }

// has reports whether the grant has a right. The metrics and the program itself belong to all workflows together, so a grant
// for a few of them does not include them.
func (g Grant) has(right Right) bool {
	return g.Role.Has(right) && (!g.isLimited() || right.isOfWorkflows())
}

// Grants are all grants of an operator. A person of several groups may be a viewer of all workflows, and an operator of
// a few.
type Grants []Grant

// May reports whether an operator has a right for any workflow at all.
func (g Grants) May(right Right) bool {
	return slices.ContainsFunc(g, func(grant Grant) bool { return grant.has(right) })
}

// MayOn reports whether an operator has a right for a workflow.
func (g Grants) MayOn(right Right, workflow string) bool { return g.Scope(right).Includes(workflow) }

// Scope returns the workflows in which an operator has a right.
func (g Grants) Scope(right Right) Scope {
	var s Scope
	for _, grant := range g {
		switch {
		case !grant.has(right):
		case grant.isLimited():
			s.Workflows = append(s.Workflows, grant.Workflows...)
		default:
			s.All = true
		}
	}
	slices.Sort(s.Workflows)
	s.Workflows = slices.Compact(s.Workflows)
	if s.All {
		s.Workflows = nil
	}
	return s
}

// Names lists the roles, for logs and messages.
func (g Grants) Names() []string {
	var names []string
	for _, grant := range g {
		if name := string(grant.Role); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
