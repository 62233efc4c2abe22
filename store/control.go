package store

import (
	"context"
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
)

// ControlModes lists the modes, the weaker first.
func ControlModes() []ControlMode { return []ControlMode{ControlDrain, ControlPause} }

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
	// SetControl stores a control durably. It replaces the control of the same workflow.
	SetControl(ctx context.Context, c Control) error
	// RemoveControl removes the control of a workflow, or of all workflows for the empty name. It reports whether there
	// was one. The controls of single workflows stay when that of all workflows is removed.
	RemoveControl(ctx context.Context, workflow string) (bool, error)
}
