package store

import (
	"context"
	"errors"
	"slices"
	"time"
)

// ControlMode tells the part of a workflow's handling that an operator has switched off.
type ControlMode string

const (
	// ControlDrain takes no new requests. Pending approvals go on to their end.
	ControlDrain ControlMode = "drain"
	// ControlPause takes no new requests, and begins neither notifications nor callbacks. Decisions are taken and
	// recorded; heartbeats go on, and deadlines pass.
	ControlPause ControlMode = "pause"
	// ControlReadOnly keeps all orders and dead letters as they are: requests and decisions are refused for now, actions
	// and deadlines wait. It is for all workflows, because it concerns the store.
	ControlReadOnly ControlMode = "read-only"
	// ControlMoved is read-only for ever: its orders are in a new store now. Only RecordKeeper.MarkMoved sets it, and it
	// cannot be removed.
	ControlMoved ControlMode = "moved"
)

// ControlModes lists the modes that operators can set, the weaker first.
func ControlModes() []ControlMode { return []ControlMode{ControlDrain, ControlPause, ControlReadOnly} }

// IsStrongerThan reports whether a mode switches off more than another.
func (m ControlMode) IsStrongerThan(other ControlMode) bool {
	modes := append(ControlModes(), ControlMoved)
	return slices.Index(modes, m) > slices.Index(modes, other)
}

// IsReadOnly reports whether the mode keeps all orders as they are.
func (m ControlMode) IsReadOnly() bool { return m == ControlReadOnly || m == ControlMoved }

// FindReadOnly returns the control that makes the whole store read-only, if there is one.
func FindReadOnly(controls []Control) (found Control, isReadOnly bool) {
	i := slices.IndexFunc(controls, func(c Control) bool { return c.Workflow == "" && c.Mode.IsReadOnly() })
	if i < 0 {
		return Control{}, false
	}
	return controls[i], true
}

// ReadOnlyError is returned for a change of a store that is read-only. It is temporary: the sender repeats the call, and
// another store or a later time takes it.
type ReadOnlyError struct {
	Control Control
	// MayBeStored is set if the store became read-only during the change: it may be in the store, and is not acknowledged.
	MayBeStored bool
}

// Error returns the message, without the names and the reason in the control: senders see it.
func (e *ReadOnlyError) Error() string {
	if e.Control.Mode == ControlMoved {
		return "the store was moved to another one, and this worker should have been stopped; send it again, to the new worker"
	}
	return "the store is read-only for a few minutes; send it again later"
}

// ErrMoved is returned for a store that was moved, and for its controls, which stay as they are.
var ErrMoved = errors.New("the store was moved to another one")

// ErrNotReadOnly is returned by RecordKeeper.MarkMoved if the control that made the store read-only was changed meanwhile.
var ErrNotReadOnly = errors.New("somebody has ended or replaced the read-only mode meanwhile")

// Control is an instruction of an operator that holds until it is removed.
type Control struct {
	Workflow string      `json:"workflow,omitempty"` // empty for all workflows
	Mode     ControlMode `json:"mode"`
	By       string      `json:"by"`                   // the operator, as authenticated
	Claimed  string      `json:"onBehalfOf,omitempty"` // the person whom the operator named
	Reason   string      `json:"reason"`
	Since    time.Time   `json:"since"`
}

// ControlKeeper is an interface of a Store: the controls that operators set at run time. All processes that use the
// store see the same controls, and they survive a restart.
type ControlKeeper interface {
	// Controls returns the controls, sorted by workflow; the control of all workflows comes first.
	Controls(ctx context.Context) ([]Control, error)
	// SetControl stores a control durably. It replaces the control of the same workflow. It returns ErrMoved if the store
	// was moved, and so does RemoveControl.
	SetControl(ctx context.Context, c Control) error
	// RemoveControl removes the control of a workflow, or of all workflows for the empty name. It reports whether there
	// was one. The controls of single workflows stay when that of all workflows is removed.
	RemoveControl(ctx context.Context, workflow string) (bool, error)
}
