package console_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// switches are the controls of a world.
type switches struct{ w *world }

func (c switches) List() []store.Control { return c.w.controls }

func (c switches) Find(workflow string) (store.Control, bool) {
	for _, control := range c.w.controls {
		if control.Workflow == "" || control.Workflow == workflow {
			return control, true
		}
	}
	return store.Control{}, false
}

func (c switches) Set(_ context.Context, control store.Control) error {
	if control.Reason == "" {
		return approval.InvalidField("reason", "is missing")
	}
	if c.w.failing == nil {
		control.Since = c.w.now
		c.w.controls = append(c.w.controls, control)
	}
	return c.w.failing
}

func (c switches) Remove(_ context.Context, workflow, _, _, _ string) error {
	c.w.controls = slices.DeleteFunc(c.w.controls, func(control store.Control) bool { return control.Workflow == workflow })
	return c.w.failing
}

// TestControls drains a workflow, pauses all of them, and resumes both, as the signed-in operator.
func TestControls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(adaToken)
	_, page := w.get("controls")
	sent := form(t, page, "controls", "Drain")
	if !strings.Contains(page, "Nothing is drained or paused") {
		t.Error(page)
	}
	sent.Set("workflow", "cGF5b3V0cw")
	sent.Set("act", "drain")
	sent.Set("reason", " the bank\nis closed ")
	if resp, _ := w.post("controls", sent); resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "./controls" {
		t.Fatal(resp.StatusCode)
	}
	sent.Set("workflow", "*")
	sent.Set("act", "pause")
	w.post("controls", sent)
	want := []store.Control{
		{Workflow: "payouts", Mode: store.ControlDrain, By: "ada", Reason: "the bank\nis closed", Since: start},
		{Mode: store.ControlPause, By: "ada", Reason: "the bank\nis closed", Since: start},
	}
	if !slices.Equal(w.controls, want) {
		t.Fatalf("%+v", w.controls)
	}
	_, page = w.get("controls")
	golden(t, "good_controls", page)
	if _, list := w.get(""); !strings.Contains(list, `Controls <span class="count warn">2</span>`) {
		t.Error("every page shows that something is held")
	}
	for _, workflow := range []string{"payouts", ""} {
		_, page = w.get("controls")
		resume := form(t, page, "controls", "Resume")
		resume.Set("act", "resume")
		w.post("controls", resume)
		if slices.ContainsFunc(w.controls, func(c store.Control) bool { return c.Workflow == workflow }) {
			t.Errorf("%q goes on: %+v", workflow, w.controls)
		}
	}
}

func TestControlsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*world, url.Values)
		status int
	}{
		"no reason":        {func(_ *world, f url.Values) { f.Del("reason") }, http.StatusUnprocessableEntity},
		"no nonce":         {func(_ *world, f url.Values) { f.Del("nonce") }, http.StatusConflict},
		"unknown workflow": {func(_ *world, f url.Values) { f.Set("workflow", "eA") }, http.StatusBadRequest},
		"no name":          {func(_ *world, f url.Values) { f.Set("workflow", "%") }, http.StatusBadRequest},
		"none chosen":      {func(_ *world, f url.Values) { f.Set("workflow", "") }, http.StatusUnprocessableEntity},
		"resume by the form to drain": {func(_ *world, f url.Values) {
			f.Set("act", "resume")
			f.Set("workflow", "cGF5b3V0cw")
		}, http.StatusConflict},
		"outage": {func(w *world, _ url.Values) { w.failing = errFire }, http.StatusServiceUnavailable},
	} {
		w := newWorld(t)
		w.signIn(adaToken)
		_, page := w.get("controls")
		sent := form(t, page, "controls", "Drain")
		sent.Set("act", "drain")
		sent.Set("workflow", "*")
		sent.Set("reason", "x")
		c.change(w, sent)
		if resp, _ := w.post("controls", sent); resp.StatusCode != c.status || len(w.controls) > 0 {
			t.Errorf("%s: %d %+v", name, resp.StatusCode, w.controls)
		}
	}
}

// TestAdviceIsHeld holds that the page of an order says that an operator holds it, and who.
func TestAdviceIsHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(adaToken)
	everyState(w)
	w.ask("untold", time.Minute)
	w.controls = []store.Control{{Workflow: "refunds", Mode: store.ControlDrain, By: "ada", Reason: "x"}}
	if _, page := w.get("order?id=urgent"); !strings.Contains(page, "Waiting for the approvers. Nothing to do") {
		t.Error("a drained workflow goes on to its end")
	}
	w.controls[0].Mode = store.ControlPause
	for order, want := range map[string]string{
		"urgent":    "An operator (ada) has paused this workflow. The approvers can decide",
		"untold":    "An operator (ada) has paused this workflow, so nobody is notified",
		"owed":      "so the answer is held",
		"exhausted": "then redrive. An operator (ada) has paused this workflow: a redriven answer",
		"delivered": "Nothing to do: the workflow has its answer.",
		"pending":   "Waiting for the approvers. Nothing to do", // of another workflow
	} {
		if _, page := w.get("order?id=" + order); !strings.Contains(page, `<p class="next">`) || !strings.Contains(page, want) {
			t.Errorf("%s: not %q in %s", order, want, style.ReplaceAllString(page, ""))
		}
	}
}
