package main

import (
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/untrusted"
)

type requestsCmd struct {
	client
	watchFlags
	State string `enum:"pending,retrying,undeliverable,exhausted,unanswered,attention,closed,all" default:"pending" help:"pending, retrying, undeliverable (nobody could be told), exhausted (all attempts of the callback failed), unanswered (the workflow may not have the answer), attention (one of these four), closed or all."`
	filterFlags
	Sort  string `default:"age" help:"order, age (oldest first), deadline or closed; a minus sign reverses it: --sort=-closed."`
	After string `help:"Go on after this position, which the page before has printed."`
	Limit int    `default:"100" help:"Greatest number of approvals, 1 to 1000."`
}

// filterFlags select approvals. The API has the same filters.
type filterFlags struct {
	Workflow  string `help:"Only approvals of this workflow."`
	Approver  string `help:"Only those that this person may decide or has decided."`
	WaitsFor  string `help:"Only pending ones that this approver has not decided."`
	Requester string `help:"Only those that this person asked for."`
	Execution string `help:"Only those of this execution: its ARN, or the last part of it."`
	Search    string `help:"Only those with this text in the order ID, approval ID, title, a person, the execution, workflow or step."`
	OlderThan string `placeholder:"TIME" help:"Only those requested before this time, or this long ago: 2026-11-27, 2026-11-27T10:15:00Z, 4h, 7d."`

	DeadlineBefore string `placeholder:"TIME" help:"Only those with a deadline before this time, or within this time, such as 1h."`
	ClosedAfter    string `placeholder:"TIME" help:"Only those closed at this time or later, or since this time, such as 7d."`
	ClosedBefore   string `placeholder:"TIME" help:"Only those closed before this time."`
}

// query returns the query parameters of the filters.
func (f *filterFlags) query(state string) url.Values {
	query := url.Values{}
	for name, value := range map[string]string{
		"state":           state,
		"workflow":        f.Workflow,
		"approver":        f.Approver,
		"waits_for":       f.WaitsFor,
		"requester":       f.Requester,
		"execution":       f.Execution,
		"q":               f.Search,
		"older_than":      f.OlderThan,
		"deadline_before": f.DeadlineBefore,
		"closed_after":    f.ClosedAfter,
		"closed_before":   f.ClosedBefore,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}

// Run lists approvals.
func (c *requestsCmd) Run(w *world) error {
	return c.repeat(w, func() error { return c.list(w) })
}

func (c *requestsCmd) list(w *world) error {
	query := c.query(c.State)
	query.Set("sort", c.Sort)
	query.Set("after", c.After)
	query.Set("limit", strconv.Itoa(c.Limit))
	var list api.OrderList
	if err := c.call(w.ctx, "GET", "/v1/orders?"+query.Encode(), nil, &list); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(w.stdout, list)
	}
	if err := newOrderListing(list.Orders, &c.outputFlags, time.Now()).print(w, &c.outputFlags); err != nil {
		return err
	}
	if len(list.Orders) == 0 && list.Next == "" {
		fmt.Fprintln(w.stderr, c.describeNothing())
	}
	if list.Incomplete {
		fmt.Fprintf(w.stderr, "this page is of the first %d orders only; what follows is sorted anew\n", list.LookedAt)
	}
	if list.Next != "" {
		fmt.Fprintf(w.stderr, "there are more: --after=%q\n", list.Next)
	}
	return nil
}

// describeNothing tells where an empty list has looked: without --state, a search finds pending approvals only.
func (c *requestsCmd) describeNothing() string {
	isFiltered := len(c.query("")) > 0
	switch {
	case c.State == "all" && isFiltered:
		return "no approval matches"
	case c.State == "all":
		return "there is no approval"
	case isFiltered:
		return "no approval in the state " + c.State + " matches; --state=all looks at all approvals"
	}
	return "no approval in the state " + c.State
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
	fmt.Fprint(w.stdout, proposedLine(out.OrderID, out.ProposalID))
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
		return noValue
	}
	return string(a.Callback.State)
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return noValue
	}
	return t.UTC().Format(time.RFC3339)
}

func dash(s string) string {
	if s == "" {
		return noValue
	}
	return s
}
