package console

import (
	"net/http"
	"strings"

	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/role"
	"github.com/approval-relay/approval-relay/secret"
)

// Operator is the token of an operator, and the operator's rights.
type Operator struct {
	Token  secret.Text
	Grants role.Grants
}

// may reports whether the operator has a right for any workflow at all. A page offers only the forms that its
// operator may send.
func (s session) may(right role.Right) bool { return s.grants.May(right) }

// mayOn reports whether the operator has a right for a workflow.
func (s session) mayOn(right role.Right, workflow string) bool {
	return s.grants.MayOn(right, workflow)
}

// seesAll reports whether the operator sees all workflows, so that totals may be shown.
func (s session) seesAll() bool { return s.grants.Scope(role.Read).All }

// seesSource reports whether the operator sees the messages of a source.
func (s session) seesSource(source string) bool {
	return s.grants.Scope(role.Read).IncludesSource(source)
}

// mayOpenRefused reports whether the operator may open the bodies of refused calls. They are about any workflow.
func (s session) mayOpenRefused() bool { return s.grants.Scope(role.Audit).All }

// dryRunNonce returns the nonce of the forms that begin a redrive, or the empty text if the operator may not redrive.
func (c *Console) dryRunNonce(s session) string {
	if !s.may(role.Act) {
		return ""
	}
	return c.formNonce(s, formDryRun)
}

// notAllowed is the refusal of a page or form if the operator lacks its right.
func notAllowed(s session, right role.Right) problem {
	return problem{
		status:  http.StatusForbidden,
		heading: "You may not do this",
		lead: "You are signed in with the role " + strings.Join(s.grants.Names(), ", ") +
			". It does not include the right “" + string(right) + "”. Nothing was done.",
		code:   refusal.Forbidden,
		detail: "the role of the operator does not include the right " + string(right),
	}
}
