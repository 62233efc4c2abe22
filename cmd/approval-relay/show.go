package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/untrusted"
)

type showCmd struct {
	client
	watchFlags
	Order string `arg:"" help:"The order ID."`
}

// Run shows an order: each approval, and its history as a timeline.
func (c *showCmd) Run(w *world) error {
	if err := c.checkSentence(); err != nil {
		return err
	}
	return c.repeat(w, func() error {
		var o api.Order
		if err := c.call(w.ctx, "GET", orderPath(c.Order, ""), nil, &o); err != nil {
			return err
		}
		if c.JSON {
			return printJSON(w.stdout, &o)
		}
		return newOrderPrinter(w, &c.outputFlags, time.Now()).print(&o)
	})
}

// orderPrinter prints an order for people.
type orderPrinter struct {
	out   io.Writer
	flags *outputFlags
	color bool
	now   time.Time
}

func newOrderPrinter(w *world, f *outputFlags, now time.Time) orderPrinter {
	return orderPrinter{w.stdout, f, f.usesColor(w), now}
}

// print prints an order: its approvals, the decisions that wait, and its history.
func (p orderPrinter) print(o *api.Order) error {
	fmt.Fprintf(p.out, "order %s\n", untrusted.TerminalLine(o.OrderID))
	for i := range o.Approvals {
		if err := p.printApproval(&o.Approvals[i]); err != nil {
			return err
		}
	}
	for _, u := range o.UnmatchedDecisions {
		fmt.Fprintf(p.out, "\ndecision %s by %s waits for its request until %s\n",
			untrusted.TerminalLine(u.DecisionID), untrusted.TerminalLine(dash(u.DecidedBy)), p.flags.moment(u.ExpiresAt))
	}
	for _, part := range o.ShedParts {
		fmt.Fprintf(p.out, "\n%s of closed approvals were removed, because the record was too large\n", part)
	}
	return p.printHistory(o)
}

// printApproval prints the request, the approvers and the state of an approval.
func (p orderPrinter) printApproval(a *api.Approval) error {
	fmt.Fprintf(p.out, "\napproval %s  %s\n", a.ApprovalID, paint(p.color, stateTone(string(a.Status)), string(a.Status)))
	t := newTable(p.out)
	row := func(label, value string) { t.printRow("  "+label, value) }
	row("title", a.Title)
	row("workflow", a.Workflow)
	row("step", a.Step)
	row("state", a.StateName)
	row("execution", a.Execution)
	row("requester", a.Requester)
	row("asked by", a.Asker)
	row("requested", p.momentWithAge(a.RequestedAt))
	if a.Status == approval.Pending {
		row("deadline", p.momentWithAge(a.Deadline))
	} else {
		row("closed", p.momentWithAge(a.ClosedAt))
		row("reason", a.Reason)
	}
	for i, approver := range a.Approvers {
		label := ""
		if i == 0 {
			label = "approvers"
		}
		row(cmp.Or(label, "  "), describeApprover(a, approver))
	}
	row("policy", describePolicy(a.Policy, len(a.Approvers)))
	for _, v := range a.Votes {
		row("decision", p.describeVote(v))
	}
	for _, r := range a.Acts {
		if a.Status == approval.Pending {
			row("proposal", p.describeOpenProposal(r))
		}
	}
	row("attention", describeAttention(a))
	row("callback", p.describeCallback(a))
	row("next", a.Advice)
	for _, d := range a.Details {
		row("| "+detailLabel(d), detailValue(d))
	}
	return t.Flush()
}

// momentWithAge returns a time, and how far it is from now.
func (p orderPrinter) momentWithAge(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return p.flags.moment(t) + " (" + distance(t, p.now) + ")"
}

// distance returns how far a time is from now: "in 23h", "3m ago".
func distance(t, now time.Time) string {
	if t.After(now) {
		return "in " + age(t.Sub(now))
	}
	return age(now.Sub(t)) + " ago"
}

// age returns a duration with its largest unit, rounded: 45s, 3m, 23h, 12d.
func age(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return d.Round(time.Second).String()
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0fm", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.0fh", d.Hours())
	}
	return fmt.Sprintf("%.0fd", d.Hours()/24)
}

// describeApprover returns an approver, and whether they have decided.
func describeApprover(a *api.Approval, approver api.Approver) string {
	parts := []string{approver.ID}
	if approver.SubstituteFor != "" {
		parts = append(parts, "for "+approver.SubstituteFor)
	}
	if approver.Escalated {
		parts = append(parts, "by escalation")
	}
	if approver.Declined {
		parts = append(parts, "states that it is not theirs")
	}
	hasDecided := func(v api.Vote) bool { return !v.Void && approval.SamePerson(v.DecidedBy, approver.ID) }
	switch {
	case slices.ContainsFunc(a.Votes, hasDecided):
		parts = append(parts, "has decided")
	case a.Status == approval.Pending && len(a.Votes) > 0:
		parts = append(parts, "has not decided")
	}
	return strings.Join(parts, ", ")
}

func describePolicy(p api.Policy, approvers int) string {
	switch {
	case p.Kind == approval.PolicyQuorum:
		return fmt.Sprintf("quorum of %d of %d", p.Quorum, approvers)
	case approvers < 2:
		return ""
	}
	return string(p.Kind)
}

// describeVote returns the decision of an approver, with its way and comment.
func (p orderPrinter) describeVote(v api.Vote) string {
	parts := []string{cmp.Or(v.Choice, string(v.Outcome)) + " by " + v.DecidedBy}
	if v.Claimed != "" {
		parts = append(parts, claimLabel(v.Principal)+" "+v.Claimed)
	}
	parts = append(parts, "via "+string(v.Via), p.momentWithAge(v.At))
	if v.ConfirmedBy != "" {
		parts = append(parts, "confirmed by "+strings.TrimPrefix(v.ConfirmedBy, "operator:"))
	}
	if v.Void {
		parts = append(parts, "void: the request was edited afterwards")
	}
	if len(v.Values) > 0 {
		parts = append(parts, "values "+string(v.Values))
	}
	if v.Comment != "" {
		parts = append(parts, fmt.Sprintf("comment: %s", v.Comment))
	}
	return strings.Join(parts, ", ")
}

// describeAttention returns the states that an operator must look at.
func describeAttention(a *api.Approval) string {
	switch {
	case a.Dismissed != "":
		return "dismissed: " + string(a.Dismissed)
	case a.Unanswered:
		return "unanswered: the workflow has ended without the answer, or may have"
	case a.Undeliverable && a.Status == approval.Pending:
		return "undeliverable: no approver could be notified"
	}
	return ""
}

func (p orderPrinter) describeCallback(a *api.Approval) string {
	c := a.Callback
	if c.State == api.CallbackNone {
		return ""
	}
	parts := []string{string(c.State) + " to " + a.Target}
	if c.Attempts > 0 {
		parts = append(parts, fmt.Sprintf("attempt %d", c.Attempts))
	}
	switch {
	case c.State == api.CallbackPending && !c.AttemptRunning:
		parts = append(parts, "next "+p.momentWithAge(c.DueAt))
	case !c.EndedAt.IsZero():
		parts = append(parts, p.momentWithAge(c.EndedAt))
	}
	if c.LastError != "" && c.State != api.CallbackDelivered {
		parts = append(parts, "last error "+c.ReasonCode+": "+c.LastError)
	}
	return strings.Join(parts, ", ")
}

// detailLabel returns the label of a detail in English, as all output of the commands is.
func detailLabel(d api.Detail) string {
	return cmp.Or(d.Label.In("en"), d.Name)
}

func detailValue(d api.Detail) string {
	switch {
	case d.State != "":
		return "(" + d.State + ")"
	case d.LeftOut != nil:
		return fmt.Sprintf("(%d not shown: %s; %s)", d.LeftOut.Count, d.LeftOut.Reason, strings.Join(d.LeftOut.Names, ", "))
	case d.Kind == "difference":
		return d.Before + " -> " + d.After
	case d.Table != nil:
		return fmt.Sprintf("(table of %d rows: see --output=json)", len(d.Table.Rows))
	case d.Currency != "" && !strings.HasSuffix(d.Value, d.Currency):
		return d.Value + " " + d.Currency
	}
	return d.Value
}

// printHistory prints the events. Each line names its approval and step if there are several.
func (p orderPrinter) printHistory(o *api.Order) error {
	fmt.Fprintf(p.out, "\nhistory (%s)\n", p.flags.location())
	names := approvalNames(o)
	t := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	leftOut := 0
	for _, e := range o.History {
		if p.flags.Output != "wide" && isRoutine(e) {
			leftOut++
			continue
		}
		at := e.At.In(p.flags.location()).Format("2006-01-02 15:04:05.000 -07:00")
		if p.flags.location() == time.UTC {
			at = e.At.UTC().Format("2006-01-02 15:04:05.000Z")
		}
		cells := []string{"  " + at}
		if len(o.Approvals) > 1 {
			cells = append(cells, untrusted.TerminalLine(dash(names[e.ApprovalID])))
		}
		cells = append(cells, string(e.Kind), describeEvent(e))
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	if err := t.Flush(); err != nil || leftOut == 0 {
		return err
	}
	fmt.Fprintf(p.out, "  and %d routine deliveries: --output=wide lists them\n", leftOut)
	return nil
}

// isRoutine reports whether an event is a delivery as it should be. The first message that reached an approver, and the
// end of the callback, are events of their own.
func isRoutine(e api.Event) bool {
	switch e.Kind {
	case approval.EventNotified:
		return true
	case approval.EventHeartbeat, approval.EventCallbackAttempt:
		return e.Code == string(approval.ResultOK)
	}
	return false
}

// approvalNames returns a short name of each approval of an order: its step, with the beginning of its ID where two have
// the same step.
func approvalNames(o *api.Order) map[string]string {
	steps := map[string]int{}
	for _, a := range o.Approvals {
		steps[a.Step]++
	}
	names := map[string]string{}
	for _, a := range o.Approvals {
		name := a.Step
		if name == "" || steps[a.Step] > 1 {
			name = strings.TrimSpace(name + " " + a.ApprovalID[:min(8, len(a.ApprovalID))])
		}
		names[a.ApprovalID] = name
	}
	return names
}

// describeEvent returns the facts of an event on a line.
func describeEvent(e api.Event) string {
	person := "by"
	if e.Kind == approval.EventNotified {
		person = "to"
	}
	var parts []string
	for _, f := range []struct{ name, value string }{
		{"", e.Code}, {"", string(e.Outcome)}, {person, e.By}, {claimLabel(e.Principal), e.Claimed}, {"via", string(e.Via)},
		{"source", cmp.Or(e.Source, e.Principal)}, {"channel", e.Channel}, {"target", e.Target},
		{"for", e.From}, {"to", e.To}, {"until", untilText(e)}, {"", e.ReasonCode}, {"", e.Note},
	} {
		if f.value != "" {
			parts = append(parts, strings.TrimSpace(f.name+" "+untrusted.TerminalText(f.value)))
		}
	}
	if e.Attempt > 0 {
		parts = append(parts, fmt.Sprintf("attempt %d", e.Attempt))
	}
	return strings.Join(parts, ", ")
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
