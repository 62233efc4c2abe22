package main

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
)

// askCmd sends a request, as a workflow does.
type askCmd struct {
	client
	Order     string        `arg:"" help:"The order ID."`
	Workflow  string        `help:"The workflow; it can be left out if the worker has only one."`
	Title     string        `help:"Title for the approvers."`
	Approver  []string      `help:"An approver, in place of those of the workflow; repeat the flag for more."`
	Requester string        `help:"The person who asks and cannot approve."`
	Step      string        `help:"The step, for an order with several approvals."`
	Field     []string      `sep:"none" placeholder:"NAME=VALUE" help:"A further field of the request, which approvers see as a detail; repeat the flag for more."`
	Body      string        `placeholder:"FILE" help:"File with the request as a JSON object, or - for the standard input; flags replace its members."`
	TaskToken string        `help:"The task token of the workflow that waits. Without it, and without one in the body, a token is made up: nobody waits, so the callback will be refused."`
	Wait      time.Duration `placeholder:"DURATION" help:"Wait until the approval is closed, this long at most; the exit status is 0 if it is approved."`
}

// Run sends the request.
func (c *askCmd) Run(w *world) error {
	if err := c.checkSentence(); err != nil {
		return err
	}
	body, madeUp, err := c.request(w)
	if err != nil {
		return err
	}
	path := "/v1/requests"
	if c.Workflow != "" {
		path += "?" + url.Values{"workflow": {c.Workflow}}.Encode()
	}
	var out api.RequestAccepted
	if err := c.call(w.ctx, "POST", path, body, &out); err != nil {
		return err
	}
	if c.Wait > 0 {
		return c.await(w, out.OrderID, out.ApprovalID)
	}
	if c.JSON {
		return printJSON(w.stdout, out)
	}
	fmt.Fprintf(w.stdout, "order %s: the approval %s is %s\n", untrusted.TerminalLine(out.OrderID), out.ApprovalID, out.Status)
	for _, note := range out.Notes {
		fmt.Fprintf(w.stderr, "note: %s\n", untrusted.TerminalLine(note))
	}
	if madeUp {
		fmt.Fprintln(w.stderr, "the task token is made up, so nobody waits for the answer, and its callback will be refused")
	}
	return nil
}

// request returns the body of the request, and whether its task token is made up.
func (c *askCmd) request(w *world) (body map[string]any, madeUp bool, err error) {
	body = map[string]any{}
	if c.Body != "" {
		text, err := readInput(w, c.Body)
		if err != nil {
			return nil, false, err
		}
		decoder := json.NewDecoder(strings.NewReader(string(text)))
		decoder.UseNumber() // 480.00 stays 480.00
		if err := decoder.Decode(&body); err != nil || body == nil {
			return nil, false, errors.New("--body: is no JSON object")
		}
	}
	for _, field := range c.Field {
		name, value, found := strings.Cut(field, "=")
		if !found || name == "" {
			return nil, false, fmt.Errorf("--field: %q is not NAME=VALUE", field)
		}
		body[name] = value
	}
	set := func(name, value string) {
		if value != "" {
			body[name] = value
		}
	}
	set("orderId", c.Order)
	set("title", c.Title)
	set("requester", c.Requester)
	set("step", c.Step)
	set("taskToken", c.TaskToken)
	if len(c.Approver) > 0 {
		body["approvers"] = c.Approver
	}
	if _, ok := body["taskToken"]; !ok && body["callbackUrl"] == nil {
		body["taskToken"] = "made-up-" + rand.Text()
		madeUp = true
	}
	return body, madeUp, nil
}

// await waits for the end of the approval, and prints the order then.
func (c *askCmd) await(w *world, orderID, approvalID string) error {
	fmt.Fprintf(w.stderr, "order %s: waiting for a decision\n", untrusted.TerminalLine(orderID))
	deadline := time.Now().Add(c.Wait)
	for {
		var o api.Order
		if err := c.call(w.ctx, "GET", orderPath(orderID, ""), nil, &o); err != nil {
			return err
		}
		for i := range o.Approvals {
			a := &o.Approvals[i]
			if a.ApprovalID == approvalID && a.Status != approval.Pending {
				return c.printEnd(w, &o, a)
			}
		}
		if !time.Now().Before(deadline) {
			err := fmt.Errorf("order %s: nobody has decided within %s", untrusted.TerminalLine(orderID), c.Wait)
			return &statusError{err, statusUnavailable}
		}
		select {
		case <-w.ctx.Done():
			return w.ctx.Err()
		case <-time.After(min(time.Second, time.Until(deadline))):
		}
	}
}

// printEnd prints how an approval was closed. It returns an error unless it was approved.
func (c *askCmd) printEnd(w *world, o *api.Order, a *api.Approval) error {
	if c.JSON {
		if err := printJSON(w.stdout, o); err != nil {
			return err
		}
	} else if err := newOrderPrinter(w, &c.outputFlags, time.Now()).printApproval(a); err != nil {
		return err
	}
	if a.Status == approval.Approved {
		return nil
	}
	return &statusError{fmt.Errorf("the approval is %s", cmp.Or(string(a.Status), "closed")), statusConflict}
}
