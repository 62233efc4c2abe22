package console

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/role"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/untrusted"
	"github.com/approval-relay/approval-relay/web/look"
)

// Controls reads and sets the controls that drain and pause workflows at run time.
type Controls interface {
	// List returns the controls in force, and Find the control that holds for a workflow.
	List() []store.Control
	Find(workflow string) (store.Control, bool)
	Set(ctx context.Context, c store.Control) error
	Remove(ctx context.Context, workflow, by, claimed, reason string) error
}

// The buttons of the forms on the page of controls. The others are the modes of a control.
const actionResume = "resume"

// allWorkflows stands for all workflows in the forms. An encoded name never contains it.
const allWorkflows = "*"

// controlKey returns a workflow as the forms send it.
func controlKey(workflow string) string {
	if workflow == "" {
		return allWorkflows
	}
	return encodePart([]byte(workflow))
}

// readControlKey returns the workflow that controlKey has encoded.
func readControlKey(key string) (workflow string, ok bool) {
	if key == allWorkflows {
		return "", true
	}
	return decodeText(key)
}

// maxControlReason is the number of characters of a reason that the form takes. The controls count bytes.
const maxControlReason = 1024

// controlsPage shows the controls in force, with the forms that end them and set others.
type controlsPage struct {
	frame
	InForce   []controlView
	Workflows []optionForm // the workflows that the operator can control
	Nonce     string
	Reason    string // the text of a form that was refused
	MaxReason int
}

// controlView is a control in force.
type controlView struct {
	Workflow string // empty for all workflows
	Key      string // the workflow, as the form sends it
	Mode     string
	Effect   string
	By       string
	Reason   string
	Since    look.Moment
	Nonce    string // of the form that ends it, or empty
}

func (c *Console) showControls(w http.ResponseWriter, r *http.Request, s session) {
	c.writeControls(w, r, s, http.StatusOK, "", controlRequest{})
}

// controlRequest is the content of a form on the page of controls.
type controlRequest struct {
	action   string
	workflow string
	reason   string
}

func (c *Console) writeControls(
	w http.ResponseWriter, r *http.Request, s session, status int, notice string, sent controlRequest,
) {
	p := controlsPage{
		frame:     c.newFrame(r, s, "controls", "Drain and pause"),
		Nonce:     c.formNonce(s, formControl),
		Reason:    untrusted.MultiLine(sent.reason),
		MaxReason: maxControlReason,
	}
	p.Notice = notice
	now := c.Now()
	for _, control := range c.visibleControls(s) {
		v := controlView{
			Workflow: untrusted.SingleLine(control.Workflow),
			Key:      controlKey(control.Workflow),
			Mode:     describeMode(control.Mode),
			Effect:   describeControl(control.Mode),
			By:       controlActor(control),
			Reason:   untrusted.MultiLine(control.Reason),
			Since:    look.NewMoment(control.Since, now),
		}
		if s.mayControl(control.Workflow) && control.Mode != store.ControlMoved {
			v.Nonce = c.formNonce(s, formControl, control.Workflow)
		}
		p.InForce = append(p.InForce, v)
	}
	for _, name := range append([]string{""}, c.Workflows...) {
		if !s.mayControl(name) {
			continue
		}
		p.Workflows = append(p.Workflows, optionForm{
			Value:  controlKey(name),
			Title:  cmp.Or(untrusted.SingleLine(name), "all workflows"),
			Chosen: name != "" && name == sent.workflow,
		})
	}
	c.writePage(w, r, status, "controls.html", p)
}

// handleControl sets or ends a control in the name of the signed-in operator.
func (c *Console) handleControl(w http.ResponseWriter, r *http.Request, s session) {
	sent, ok := c.readForm(w, r, s, "act", "workflow", "reason", "nonce")
	if !ok {
		return
	}
	workflow, ok := readControlKey(sent["workflow"])
	if !ok {
		c.refuse(w, r, s, unreadable)
		return
	}
	request := controlRequest{sent["act"], workflow, strings.TrimSpace(untrusted.MultiLine(sent["reason"]))}
	nonceOK := c.verifyNonce(sent["nonce"], s, formControl)
	if request.action == actionResume {
		nonceOK = c.verifyNonce(sent["nonce"], s, formControl, workflow)
	}
	switch {
	case !nonceOK:
		c.refuse(w, r, s, staleForm)
		return
	case sent["workflow"] == "":
		c.writeControls(w, r, s, http.StatusUnprocessableEntity, "Nothing was done. Please choose a workflow.", request)
		return
	case !s.mayControl(workflow):
		c.refuse(w, r, s, notAllowed(s, role.Act))
		return
	case request.action != actionResume && workflow != "" && !slices.Contains(c.Workflows, workflow):
		c.refuse(w, r, s, unreadable)
		return
	}
	switch err := c.control(r.Context(), s, request); {
	case err != nil && approval.IsPermanent(err):
		c.writeControls(w, r, s, http.StatusUnprocessableEntity, "Nothing was done. "+untrusted.MultiLine(err.Error())+".", request)
	case err != nil:
		c.Log.WarnContext(r.Context(), "console cannot record the control", "workflow", workflow, "error", err)
		c.refuse(w, r, s, unknownOutcome)
	default:
		w.Header().Set("Location", "./controls")
		w.WriteHeader(http.StatusSeeOther)
	}
}

func (c *Console) control(ctx context.Context, s session, request controlRequest) error {
	if request.action == actionResume {
		return c.Controls.Remove(ctx, request.workflow, s.Name, "", request.reason)
	}
	return c.Controls.Set(ctx, store.Control{
		Workflow: request.workflow,
		Mode:     store.ControlMode(request.action),
		By:       s.Name,
		Reason:   request.reason,
	})
}

// visibleControls returns the controls that an operator may see: those of the operator's workflows, and that of all
// workflows, which holds for them too.
func (c *Console) visibleControls(s session) []store.Control {
	return slices.DeleteFunc(slices.Clone(c.Controls.List()), func(control store.Control) bool {
		return control.Workflow != "" && !s.mayOn(role.Read, control.Workflow)
	})
}

// mayControl reports whether the operator may drain and pause a workflow, or all of them for the empty name.
func (s session) mayControl(workflow string) bool {
	if workflow == "" {
		return s.may(role.Administer)
	}
	return s.mayOn(role.Act, workflow)
}

// heldBy returns the control that holds the answers and notifications of a workflow, or nil.
func (c *Console) heldBy(workflow string) *store.Control {
	if c.Controls == nil {
		return nil
	}
	control, controlled := c.Controls.Find(workflow)
	if !controlled || !control.Mode.IsStrongerThan(store.ControlDrain) {
		return nil
	}
	return &control
}

func describeMode(mode store.ControlMode) string {
	switch mode {
	case store.ControlPause:
		return "Paused"
	case store.ControlReadOnly:
		return "Read-only"
	case store.ControlMoved:
		return "Moved"
	case store.ControlDrain:
	}
	return "Drained"
}

// describeControl returns the effect of a control.
func describeControl(mode store.ControlMode) string {
	switch mode {
	case store.ControlPause:
		return "No new requests are taken, and neither notifications nor answers are sent. Decisions are taken and " +
			"recorded; deadlines pass."
	case store.ControlReadOnly:
		return "Nothing is taken and nothing is begun: requests and decisions are refused for now, and deadlines wait."
	case store.ControlMoved:
		return "Everything is in another store now. Stop the workers of this one."
	case store.ControlDrain:
	}
	return "No new requests are taken. What is pending goes on to its end."
}

// controlActor returns the name of the operator of a control.
func controlActor(control store.Control) string {
	name := untrusted.SingleLine(cmp.Or(control.By, "somebody"))
	return name + withPreposition(" on behalf of ", untrusted.SingleLine(control.Claimed))
}
