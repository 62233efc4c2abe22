package handlers

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// controlInterval is the pause between two looks at the controls of the store: about the time after which a worker knows
// what was set through another one.
const controlInterval = 2 * time.Second

// maxControlReason is the maximum length of the reason of a control, in bytes.
const maxControlReason = 1024

// ControlObserver is notified of the controls in force, for the metrics.
type ControlObserver interface {
	ControlsChanged(controls []store.Control)
}

// Controls are the controls that operators set at run time: they drain or pause a workflow, or all of them. The store has
// them, so that every worker obeys them, also after a restart. A worker that cannot read the store keeps to what it knew
// last.
type Controls struct {
	Keeper    store.ControlKeeper
	Workflows func() []string // the configured workflows
	Observer  ControlObserver
	Log       *slog.Logger
	Now       func() time.Time

	refreshing sync.Mutex // held by a look at the store, so that an older look does not replace a newer one
	current    atomic.Pointer[[]store.Control]

	mu      sync.Mutex
	intakes map[string]intake // by workflow, or decisionIntake
}

// intake is the time during which the queues of a workflow, or the queues of decisions, are read.
type intake struct {
	takes func() bool
	open  context.Context //nolint:containedctx // it is what callers wait for
	end   context.CancelFunc
}

// Refresh reads the controls of the store.
func (c *Controls) Refresh(ctx context.Context) error {
	c.refreshing.Lock()
	defer c.refreshing.Unlock()
	controls, err := c.Keeper.Controls(ctx)
	if err != nil {
		return fmt.Errorf("read the controls: %w", err)
	}
	if before := c.current.Swap(&controls); before != nil && slices.Equal(*before, controls) {
		return nil
	}
	c.Observer.ControlsChanged(controls)
	c.endIntakes()
	return nil
}

// Intake returns a context that ends when a workflow takes no new requests any more. It has ended already while it takes
// none.
func (c *Controls) Intake(workflow string) context.Context {
	return c.intake(workflow, func() bool { return c.TakesRequests(workflow) })
}

// DecisionIntake returns a context that ends when decisions are refused. It has ended already while they are.
func (c *Controls) DecisionIntake() context.Context {
	return c.intake(decisionIntake, c.TakesDecisions)
}

// decisionIntake is the key of the intake of decisions. The name of a workflow is never empty.
const decisionIntake = ""

func (c *Controls) intake(key string, takes func() bool) context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	in, known := c.intakes[key]
	isOpen := takes()
	if !known || isOpen && in.open.Err() != nil {
		in.takes = takes
		in.open, in.end = context.WithCancel(context.Background())
		if c.intakes == nil {
			c.intakes = map[string]intake{}
		}
		c.intakes[key] = in
	}
	if !isOpen {
		in.end()
	}
	return in.open
}

// endIntakes ends the intakes that are closed now.
func (c *Controls) endIntakes() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, in := range c.intakes {
		if !in.takes() {
			in.end()
		}
	}
}

// Run looks at the controls of the store again and again, until the context ends.
func (c *Controls) Run(ctx context.Context) {
	tick := time.NewTicker(controlInterval)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		call, cancel := context.WithTimeout(ctx, updateTimeout)
		err := c.Refresh(call)
		cancel()
		if err != nil && !failing && ctx.Err() == nil {
			c.Log.LogAttrs(ctx, slog.LevelWarn, "controls cannot be read; the last known ones hold", slog.String("error", err.Error()))
		}
		failing = err != nil
	}
}

// List returns the controls in force. Nil Controls have none.
func (c *Controls) List() []store.Control {
	if c == nil {
		return nil
	}
	if current := c.current.Load(); current != nil {
		return *current
	}
	return nil
}

// Find returns the control that holds for a workflow: its own or that of all workflows, whichever is the stronger.
func (c *Controls) Find(workflow string) (found store.Control, controlled bool) {
	for _, control := range c.List() {
		isOurs := control.Workflow == "" || control.Workflow == workflow
		if isOurs && (!controlled || control.Mode.IsStrongerThan(found.Mode)) {
			found, controlled = control, true
		}
	}
	return found, controlled
}

// TakesRequests reports whether new requests of a workflow are taken.
func (c *Controls) TakesRequests(workflow string) bool {
	_, controlled := c.Find(workflow)
	return !controlled
}

// IsPaused reports whether the notifications and callbacks of a workflow are held.
func (c *Controls) IsPaused(workflow string) bool {
	control, controlled := c.Find(workflow)
	return controlled && control.Mode != store.ControlDrain
}

// TakesDecisions reports whether decisions are taken: the store is not read-only.
func (c *Controls) TakesDecisions() bool {
	_, isReadOnly := store.FindReadOnly(c.List())
	return !isReadOnly
}

// Set stores a control. The control of all workflows has an empty workflow.
func (c *Controls) Set(ctx context.Context, control store.Control) error {
	control.Reason = strings.TrimSpace(control.Reason)
	switch {
	case !slices.Contains(store.ControlModes(), control.Mode):
		return approval.InvalidField("mode", "must be drain, pause or read-only")
	case control.Mode == store.ControlReadOnly && control.Workflow != "":
		return approval.InvalidField("mode", "concerns the store: it can be set for all workflows only")
	case control.Reason == "":
		return approval.InvalidField("reason", "is missing")
	case len(control.Reason) > maxControlReason:
		return approval.InvalidField("reason", "is %d bytes long, the most is %d", len(control.Reason), maxControlReason)
	case control.Workflow != "" && !slices.Contains(c.Workflows(), control.Workflow):
		return &UnknownWorkflowError{}
	}
	control.Since = c.Now().UTC()
	if err := c.Keeper.SetControl(ctx, control); err != nil {
		return err
	}
	c.logChange(ctx, "workflow controlled", control)
	return c.Refresh(ctx)
}

// Remove ends the control of a workflow, or that of all workflows for the empty name. The controls of single workflows
// outlast that of all. It is no error if there is none.
func (c *Controls) Remove(ctx context.Context, workflow, by, claimed, reason string) error {
	if len(reason) > maxControlReason {
		return approval.InvalidField("reason", "is %d bytes long, the most is %d", len(reason), maxControlReason)
	}
	removed, err := c.Keeper.RemoveControl(ctx, workflow)
	if err != nil {
		return err
	}
	if removed {
		ended := store.Control{Workflow: workflow, Mode: "resume", By: by, Claimed: claimed, Reason: strings.TrimSpace(reason)}
		c.logChange(ctx, "workflow resumed", ended)
	}
	return c.Refresh(ctx)
}

// logChange writes the line that audits look for.
func (c *Controls) logChange(ctx context.Context, message string, control store.Control) {
	workflow := cmp.Or(control.Workflow, "*") // as the metrics have it
	c.Log.LogAttrs(ctx, slog.LevelWarn, message,
		slog.String("workflow", workflow),
		slog.String("mode", string(control.Mode)),
		slog.String("by", control.By),
		slog.String("on_behalf_of", control.Claimed),
		slog.String("reason", control.Reason),
	)
}

// UnknownWorkflowError is returned for a control of a workflow that is not configured.
type UnknownWorkflowError struct{}

// Error returns the message.
func (*UnknownWorkflowError) Error() string { return "no such workflow" }

// HeldError is returned for a request of a workflow that takes none at present. It is temporary.
type HeldError struct{ Control store.Control }

// Error returns the message.
func (e *HeldError) Error() string {
	what := "the workflow takes no new requests at present"
	if e.Control.Workflow == "" {
		what = "no new requests are taken at present"
	}
	if e.Control.Mode == store.ControlMoved {
		return (&store.ReadOnlyError{Control: e.Control}).Error()
	}
	return what + ": an operator has set the mode " + string(e.Control.Mode) + "; send the request again later"
}

// Admit returns a HeldError if the workflow takes no requests.
func (c *Controls) Admit(workflow string) error {
	if control, controlled := c.Find(workflow); controlled {
		return &HeldError{control}
	}
	return nil
}
