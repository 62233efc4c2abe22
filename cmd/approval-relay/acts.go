package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
)

// act has the flags of the acts on a pending approval that are neither a decision nor a cancellation.
type act struct {
	ruling
	ID     string `name:"id" help:"An ID of your choice: the same command with the same ID acts once. Without it each call acts."`
	DryRun bool   `help:"Check, and change nothing."`
}

// request returns the fields that all acts send.
func (c *act) request(w *world) api.ActRequest {
	return api.ActRequest{
		ID:         c.ID,
		By:         c.onBehalfOf(w, c.By),
		Reason:     c.Reason,
		DryRun:     c.DryRun,
		Step:       c.Step,
		Execution:  c.Execution,
		ApprovalID: c.Approval,
	}
}

// send sends an act to a route of the order and prints the answer. If describe is not nil, it returns a part of the line
// about what was done, or "".
func (c *act) send(w *world, route string, describe func(*api.ActResult) string, in any) error {
	var out api.ActResult
	if err := c.call(w.ctx, "POST", orderPath(c.Order, route), in, &out); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(w.stdout, out)
	}
	parts := []string{string(out.Verdict)}
	if describe != nil {
		if done := describe(&out); done != "" {
			parts = append(parts, done)
		}
	}
	state := fmt.Sprintf("the approval is %s", out.Status)
	if out.Status == approval.Pending {
		state += ", its deadline is " + stamp(out.Deadline)
	}
	parts = append(parts, state)
	prefix := ""
	if out.DryRun {
		prefix = "dry run: "
	}
	fmt.Fprintf(w.stdout, "%sorder %s: %s\n", prefix, untrusted.TerminalLine(out.OrderID),
		untrusted.TerminalLine(strings.Join(parts, "; ")))
	fmt.Fprint(w.stdout, proposedLine(out.OrderID, out.ProposalID))
	return nil
}

// describeAsked describes to whom a message goes.
func describeAsked(verb string) func(*api.ActResult) string {
	return func(out *api.ActResult) string {
		if len(out.Asked) == 0 {
			return ""
		}
		return verb + " " + strings.Join(out.Asked, ", ")
	}
}

type remindCmd struct {
	act
	Approver string `help:"The approver to remind; without it, all approvers without a vote."`
}

// Run reminds approvers.
func (c *remindCmd) Run(w *world) error {
	return c.send(w, "/reminders", describeAsked("reminds"), api.RemindRequest{ActRequest: c.request(w), Approver: c.Approver})
}

type dismissCmd struct{ act }

// Run puts away an approval that cannot be mended.
func (c *dismissCmd) Run(w *world) error {
	return c.send(w, "/dismissal", describeDismissed, api.DismissRequest{ActRequest: c.request(w)})
}

// describeDismissed describes the effect of a dismissal that was recorded.
func describeDismissed(out *api.ActResult) string {
	if out.DryRun || out.Verdict == approval.VerdictProposed {
		return ""
	}
	return "lists, counts and alerts leave it out"
}

type approversCmd struct {
	act
	Add     []string `help:"Approvers to ask too: persons, or group:NAME."`
	Replace string   `help:"An approver without a vote; --with gets their place."`
	With    string   `help:"The person who gets the place of --replace."`
}

// Run adds approvers, or replaces an approver.
func (c *approversCmd) Run(w *world) error {
	in := api.ApproversRequest{ActRequest: c.request(w), Approvers: c.Add, Replace: c.Replace}
	switch {
	case (c.Replace == "") != (c.With == ""):
		return errors.New("--replace and --with are needed together")
	case (c.Replace == "") == (len(c.Add) == 0):
		return errors.New("--add, or --replace with --with, is needed, and not both")
	case c.With != "":
		in.Approvers = []string{c.With}
	}
	return c.send(w, "/approvers", describeAsked("asks"), in)
}

type extendCmd struct {
	act
	// By is taken: it names the person on whose behalf the operator acts.
	For   time.Duration `help:"The time to add to the present deadline, such as 4h."`
	Until string        `help:"The new deadline, such as 2026-11-27T10:15:00Z."`
}

// Run extends the deadline.
func (c *extendCmd) Run(w *world) error {
	in := api.DeadlineRequest{ActRequest: c.request(w), ExtendBy: api.Duration(c.For)}
	if (c.For == 0) == (c.Until == "") {
		return errors.New("--for or --until is needed, and not both")
	}
	if c.Until != "" {
		until, err := time.Parse(time.RFC3339, c.Until)
		if err != nil {
			return errors.New("--until is not a time such as 2026-11-27T10:15:00Z")
		}
		in.Deadline = until
	}
	return c.send(w, "/deadline", nil, in)
}
