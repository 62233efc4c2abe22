package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
)

type requestsCmd struct {
	client
	State string `enum:"pending,exhausted,all" default:"pending" help:"pending, exhausted (all attempts of the callback failed) or all."`
	After string `help:"List orders after this order ID."`
	Limit int    `default:"100" help:"Greatest number of orders, 1 to 1000."`
}

// Run lists orders, with a line for each approval.
func (c *requestsCmd) Run(w *world) error {
	state := c.State
	if state == "all" {
		state = ""
	}
	var list api.OrderList
	if err := c.call(w.ctx, "GET", fmt.Sprintf("/v1/orders?state=%s&after=%s&limit=%d",
		state, escape(c.After), c.Limit), nil, &list); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(w.stdout, list)
	}
	t := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ORDER\tSTEP\tWORKFLOW\tSTATUS\tREQUESTED\tDEADLINE\tCALLBACK\tWAITS FOR")
	for _, o := range list.Orders {
		for _, a := range o.Approvals {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
				untrusted.TerminalLine(o.OrderID), untrusted.TerminalLine(dash(a.Step)), a.Workflow, a.Status, stamp(a.RequestedAt),
				stamp(a.Deadline), callbackState(a), untrusted.TerminalLine(undecidedApprovers(a)))
		}
		if len(o.Approvals) == 0 {
			fmt.Fprintf(t, "%s\t-\t-\t%d decision(s) without request\t-\t-\t-\t-\n",
				untrusted.TerminalLine(o.OrderID), len(o.UnmatchedDecisions))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if list.Next != "" {
		fmt.Fprintf(w.stderr, "there are more: --after=%q\n", list.Next)
	}
	return nil
}

// undecidedApprovers lists the approvers without a vote.
func undecidedApprovers(a api.Approval) string {
	if a.Status != approval.Pending {
		return "-"
	}
	var names []string
	for _, p := range a.Approvers {
		voted := false
		for _, v := range a.Votes {
			voted = voted || approval.SamePerson(v.DecidedBy, p.ID)
		}
		if !voted {
			names = append(names, p.ID)
		}
	}
	return dash(strings.Join(names, ", "))
}

type showCmd struct {
	client
	Order string `arg:"" help:"The order ID."`
}

// Run shows an order as a timeline.
func (c *showCmd) Run(w *world) error {
	var o api.Order
	if err := c.call(w.ctx, "GET", orderPath(c.Order, ""), nil, &o); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(w.stdout, &o)
	}
	return printTimeline(w.stdout, &o)
}

// printTimeline prints an order: its approvals, then its history.
func printTimeline(out io.Writer, o *api.Order) error {
	fmt.Fprintf(out, "order %s\n", untrusted.TerminalLine(o.OrderID))
	for _, a := range o.Approvals {
		fmt.Fprintf(out, "  approval %s  %s", a.ApprovalID, a.Status)
		if a.Step != "" {
			fmt.Fprintf(out, "  step %s", untrusted.TerminalLine(a.Step))
		}
		fmt.Fprintf(out, "  workflow %s  deadline %s  callback %s", a.Workflow, stamp(a.Deadline), callbackState(a))
		if a.Callback.LastError != "" {
			fmt.Fprintf(out, " (attempt %d: %s)", a.Callback.Attempts, untrusted.TerminalLine(a.Callback.LastError))
		}
		fmt.Fprintln(out)
	}
	for _, u := range o.UnmatchedDecisions {
		fmt.Fprintf(out, "  decision %s by %s waits for its request until %s\n",
			untrusted.TerminalLine(u.DecisionID), untrusted.TerminalLine(u.DecidedBy), stamp(u.ExpiresAt))
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, e := range o.History {
		var parts []string
		for _, p := range []struct{ name, value string }{
			{"", e.Code}, {"", string(e.Outcome)}, {"by", e.By}, {claimLabel(e.Principal), e.Claimed}, {"via", string(e.Via)},
			{"source", cmp.Or(e.Source, e.Principal)}, {"channel", e.Channel}, {"target", e.Target},
			{"for", e.From}, {"to", e.To}, {"until", untilText(e)}, {"", e.Note},
		} {
			if p.value != "" {
				parts = append(parts, strings.TrimSpace(p.name+" "+untrusted.TerminalLine(p.value)))
			}
		}
		if e.Attempt > 0 {
			parts = append(parts, fmt.Sprintf("attempt %d", e.Attempt))
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\n", e.At.UTC().Format("2006-01-02 15:04:05.000"), e.Kind, strings.Join(parts, ", "))
	}
	return t.Flush()
}

// untilText returns the new deadline of an event, or the empty text.
func untilText(e api.Event) string {
	if e.Until.IsZero() {
		return ""
	}
	return stamp(e.Until)
}

// claimLabel returns the words before the person that an operator or a program named.
func claimLabel(principal string) string {
	if strings.HasPrefix(principal, "operator:") {
		return "on behalf of"
	}
	return "naming"
}

// ruling has the argument and the flags that acts about an order share.
type ruling struct {
	Order string `arg:"" help:"The order ID."`
	rulingFlags
}

// sendRuling sends the request to a route of the order and prints the answer.
func (r *ruling) sendRuling(w *world, route string, in any) error {
	return r.send(w, r.Order, route, in)
}

// rulingFlags are the flags of acts about an order.
type rulingFlags struct {
	client
	Reason    string `required:"" help:"Reason, for the history of the order."`
	By        string `help:"Person on whose behalf you act, for the history; the default is the user of this machine if the token is in the token file."`
	Step      string `help:"The step, if several approvals of the order are pending."`
	Execution string `help:"The execution, if several approvals of the order are pending."`
	Approval  string `help:"The ID of the approval, if several approvals of the order are pending."`
}

func (r *rulingFlags) send(w *world, order, route string, in any) error {
	var out api.DecisionResult
	if err := r.call(w.ctx, "POST", orderPath(order, route), in, &out); err != nil {
		return err
	}
	if r.JSON {
		return printJSON(w.stdout, out)
	}
	fmt.Fprintf(w.stdout, "order %s: %s, the approval is %s\n", untrusted.TerminalLine(out.OrderID), out.Verdict, out.Status)
	return nil
}

type cancelCmd struct{ ruling }

// Run cancels.
func (c *cancelCmd) Run(w *world) error {
	return c.sendRuling(w, "/cancel", api.CancelRequest{
		By:         c.onBehalfOf(w, c.By),
		Reason:     c.Reason,
		Step:       c.Step,
		Execution:  c.Execution,
		ApprovalID: c.Approval,
	})
}

// callbackState returns the state of the callback, or a dash while the approval is pending.
func callbackState(a api.Approval) string {
	if a.Callback.State == api.CallbackNone {
		return "-"
	}
	return string(a.Callback.State)
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
