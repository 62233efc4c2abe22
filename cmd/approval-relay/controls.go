package main

import (
	"cmp"
	"fmt"
	"net/url"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/store"
)

// control is the common part of the commands drain, pause and resume.
type control struct {
	client
	Workflow string `arg:"" optional:"" help:"The workflow; without it, all."`
	By       string `help:"The person on whose behalf you act, for the log; the operator is the name of the token."`
}

// send calls the route of the control and prints the controls in force.
func (c *control) send(w *world, method string, in any) error {
	path := "/v1/controls"
	if c.Workflow != "" {
		path += "/" + url.PathEscape(c.Workflow)
	}
	var out api.ControlList
	if err := c.call(w.ctx, method, path, in, &out); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(w.stdout, out)
	}
	return printControls(w, &c.outputFlags, out)
}

func printControls(w *world, f *outputFlags, list api.ControlList) error {
	if len(list.Controls) == 0 {
		fmt.Fprintln(w.stdout, "Nothing is drained or paused.")
		return nil
	}
	l := listing{columns: []column{{name: "workflow"}, {name: "mode"}, {name: "since"}, {name: "by"}, {name: "reason"}}}
	for _, c := range list.Controls {
		l.add(cmp.Or(c.Workflow, "all workflows"), string(c.Mode), f.moment(c.Since), cmp.Or(c.OnBehalfOf, c.By), c.Reason)
	}
	return l.print(w, f)
}

type drainCmd struct {
	control
	Reason string `required:"" help:"Shown with the control, and in the log."`
}

// Run stops the intake.
func (c *drainCmd) Run(w *world) error {
	return c.send(w, "PUT", api.ControlRequest{Mode: store.ControlDrain, By: c.onBehalfOf(w, c.By), Reason: c.Reason})
}

type pauseCmd struct {
	control
	Reason string `required:"" help:"Shown with the control, and in the log."`
}

// Run stops the intake, notifications and callbacks.
func (c *pauseCmd) Run(w *world) error {
	return c.send(w, "PUT", api.ControlRequest{Mode: store.ControlPause, By: c.onBehalfOf(w, c.By), Reason: c.Reason})
}

type readOnlyCmd struct {
	client
	By     string `help:"The person on whose behalf you act, for the log; the operator is the name of the token."`
	Reason string `required:"" help:"Shown with the control, and in the log."`
}

// Run lets nothing in the store change.
func (c *readOnlyCmd) Run(w *world) error {
	all := control{client: c.client}
	return all.send(w, "PUT", api.ControlRequest{Mode: store.ControlReadOnly, By: c.onBehalfOf(w, c.By), Reason: c.Reason})
}

type resumeCmd struct {
	control
	Reason string `help:"For the log."`
}

// Run ends a control.
func (c *resumeCmd) Run(w *world) error {
	return c.send(w, "DELETE", api.ResumeRequest{By: c.onBehalfOf(w, c.By), Reason: c.Reason})
}

type controlsCmd struct{ client }

// Run lists the controls.
func (c *controlsCmd) Run(w *world) error {
	var out api.ControlList
	if err := c.call(w.ctx, "GET", "/v1/controls", nil, &out); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(w.stdout, out)
	}
	return printControls(w, &c.outputFlags, out)
}
