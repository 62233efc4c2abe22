package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/role"
	"github.com/approval-relay/approval-relay/store"
)

// Controls reads and sets the controls of workflows. handlers.Controls implements it.
type Controls interface {
	List() []store.Control
	// Find returns the strongest control of a workflow, its own or that of all workflows.
	Find(workflow string) (store.Control, bool)
	Set(ctx context.Context, c store.Control) error
	Remove(ctx context.Context, workflow, by, claimed, reason string) error
	// Admit returns an error while a workflow does not take new requests.
	Admit(workflow string) error
}

// Control is what an operator has switched off, until it is removed.
type Control struct {
	// Workflow is missing for the control of all workflows.
	Workflow string `json:"workflow,omitempty"`
	// Mode is "drain", "pause" or "read-only". Drain refuses new requests. Pause also holds notifications and callbacks:
	// decisions are taken and recorded, heartbeats go on, and deadlines pass. Read-only, for all workflows, also refuses
	// decisions and acts, and begins nothing. A store that was moved to another store has the mode "moved", for ever.
	Mode store.ControlMode `json:"mode"`
	// By is the operator, OnBehalfOf the person that the operator named.
	By         string    `json:"by"`
	OnBehalfOf string    `json:"onBehalfOf,omitempty"`
	Reason     string    `json:"reason"`
	Since      time.Time `json:"since"`
}

// ControlList has the controls in force. A workflow obeys the stronger of its own control and that of all workflows.
type ControlList struct {
	Controls []Control `json:"controls"`
}

// ControlRequest sets a control.
type ControlRequest struct {
	Mode store.ControlMode `json:"mode"`
	// By is the person on whose behalf the operator acts. The operator is the name of the token.
	By string `json:"by,omitempty"`
	// Reason is shown with the control, and is in the log.
	Reason string `json:"reason"`
}

// ResumeRequest ends a control. The body may be missing.
type ResumeRequest struct {
	// By is the person on whose behalf the operator acts. The operator is the name of the token.
	By string `json:"by,omitempty"`
	// Reason is in the log.
	Reason string `json:"reason,omitempty"`
}

func (e *Endpoints) listControls() http.Handler  { return operatorHandler(e.OperatorAPI.listControls) }
func (e *Endpoints) setControl() http.Handler    { return operatorHandler(e.OperatorAPI.setControl) }
func (e *Endpoints) removeControl() http.Handler { return operatorHandler(e.OperatorAPI.removeControl) }

// listControls lists the controls in the scope of the operator, and the control of all workflows.
func (a *OperatorAPI) listControls(r *http.Request, _ []byte) (any, error) {
	scope, _ := role.ScopeOf(r.Context())
	out := ControlList{Controls: []Control{}}
	for _, c := range a.Controls.List() {
		if c.Workflow == "" || scope.Includes(c.Workflow) {
			out.Controls = append(out.Controls, newControl(c))
		}
	}
	return out, nil
}

// controlledWorkflow returns the workflow in the path, empty for all workflows. A workflow outside the scope of the
// operator is unknown.
func controlledWorkflow(r *http.Request) (string, error) {
	scope, _ := role.ScopeOf(r.Context())
	workflow := r.PathValue("workflow")
	if !scope.All && !scope.Includes(workflow) {
		return "", &notFoundError{"workflow"}
	}
	return workflow, nil
}

func newControl(c store.Control) Control {
	return Control{
		Workflow:   c.Workflow,
		Mode:       c.Mode,
		By:         c.By,
		OnBehalfOf: c.Claimed,
		Reason:     c.Reason,
		Since:      c.Since.UTC(),
	}
}

func (a *OperatorAPI) setControl(r *http.Request, body []byte) (any, error) {
	var in ControlRequest
	if err := decodeStrict(body, &in); err != nil {
		return nil, err
	}
	if err := validateBy(in.By); err != nil {
		return nil, err
	}
	workflow, err := controlledWorkflow(r)
	if err != nil {
		return nil, err
	}
	p, _ := handlers.PrincipalOf(r.Context())
	err = a.Controls.Set(r.Context(), store.Control{
		Workflow: workflow,
		Mode:     in.Mode,
		By:       p.Name,
		Claimed:  in.By,
		Reason:   in.Reason,
	})
	if err != nil {
		return nil, controlError(err)
	}
	return a.listControls(r, nil)
}

// removeControl ends a control. It is not an error if it has ended already, so that the call can be repeated.
func (a *OperatorAPI) removeControl(r *http.Request, body []byte) (any, error) {
	var in ResumeRequest
	if len(body) > 0 {
		if err := decodeStrict(body, &in); err != nil {
			return nil, err
		}
	}
	if err := validateBy(in.By); err != nil {
		return nil, err
	}
	workflow, err := controlledWorkflow(r)
	if err != nil {
		return nil, err
	}
	p, _ := handlers.PrincipalOf(r.Context())
	if err := a.Controls.Remove(r.Context(), workflow, p.Name, in.By, in.Reason); err != nil {
		return nil, controlError(err)
	}
	return a.listControls(r, nil)
}

// controlError makes an unknown workflow a path that does not exist.
func controlError(err error) error {
	if _, unknown := err.(*handlers.UnknownWorkflowError); unknown { //nolint:errorlint // it is not wrapped
		return &notFoundError{"workflow"}
	}
	if errors.Is(err, store.ErrMoved) {
		return &conflictError{store.ErrMoved}
	}
	return err
}

// heldRetryAfter is when the sender of a request that is not taken may try again.
const heldRetryAfter = time.Minute

// TypePaused is the type of the problem of a request that is not taken because an operator has drained or paused its
// workflow.
const TypePaused = "urn:approval-relay:problem:paused"

// TypeReadOnly is the type of the problem of a decision or an act that is not taken because the store is read-only.
const TypeReadOnly = "urn:approval-relay:problem:read-only"

// problemType is a type of problems with its text.
type problemType struct{ name, detail string }

// heldTypeOf returns the problem of a call that is not taken for now, because an operator has switched that off.
func heldTypeOf(err error) (held problemType, isHeld bool) {
	if e, is := errors.AsType[*handlers.HeldError](err); is {
		return problemType{TypePaused, e.Error()}, true
	}
	if e, is := errors.AsType[*store.ReadOnlyError](err); is {
		return problemType{TypeReadOnly, e.Error()}, true
	}
	return problemType{}, false
}
