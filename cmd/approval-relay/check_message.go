package main

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/preview"
	"github.com/approval-relay/approval-relay/untrusted"
)

// checkMessage has the flags that the checks of requests and decisions share.
type checkMessage struct {
	Config string    `name:"config.file" env:"APPROVAL_RELAY_CONFIG" help:"The configuration file; without it, the defaults."`
	At     time.Time `help:"Time of the message, such as 2026-12-24T18:00:00Z; the default is now."`
	// Attributes and headers are lists, because a value may contain a comma.
	Attribute []string `sep:"none" placeholder:"NAME=VALUE" help:"An attribute of the queue's message; repeat the flag for more."`
	Header    []string `sep:"none" placeholder:"NAME: VALUE" help:"A header of the HTTP request; repeat the flag for more."`
	Body      string   `arg:"" help:"File with the body of the message, or - for the standard input."`

	outputFlag
}

// load returns the configuration and the message.
func (c *checkMessage) load(w *world) (*config.Config, preview.Message, error) {
	m := preview.Message{
		Headers:    http.Header{},
		Attributes: map[string]string{},
		SentAt:     c.At,
	}
	if m.SentAt.IsZero() {
		m.SentAt = time.Now()
	}
	conf, _, err := config.Load(c.Config, nil, w.getenv)
	if err != nil {
		return nil, m, err
	}
	for _, h := range c.Header {
		name, value, ok := strings.Cut(h, ":")
		if !ok {
			return nil, m, fmt.Errorf("--header must be NAME: VALUE")
		}
		m.Headers.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	for _, a := range c.Attribute {
		name, value, ok := strings.Cut(a, "=")
		if !ok {
			return nil, m, fmt.Errorf("--attribute must be NAME=VALUE")
		}
		m.Attributes[name] = value
	}
	m.Body, err = readInput(w, c.Body)
	return conf, m, err
}

// readInput reads a file, or the standard input.
func readInput(w *world, path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(w.stdin)
	}
	content, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("read the body: %w", err)
	}
	return content, nil
}

// checkRequestCmd shows the approval that a request would make.
type checkRequestCmd struct {
	checkMessage
	Workflow string `help:"The workflow that gets the request; it may be left out if there is a single one."`
}

// Run prints the approval. A request that the worker would refuse is the error.
func (c *checkRequestCmd) Run(w *world) error {
	conf, m, err := c.load(w)
	if err != nil {
		return err
	}
	workflow := c.Workflow
	if workflow == "" && len(conf.Workflows) == 1 {
		for name := range conf.Workflows {
			workflow = name
		}
	}
	if workflow == "" {
		return fmt.Errorf("--workflow is missing: the configuration has several")
	}
	request, err := preview.ForRequest(w.ctx, conf, workflow, m)
	if err != nil {
		return fmt.Errorf("the request is refused: %w", err)
	}
	if c.Output == "json" {
		return printJSON(w.stdout, request)
	}
	return printRequest(w.stdout, request)
}

// checkDecisionCmd shows the decision that a message would make.
type checkDecisionCmd struct {
	checkMessage
	Source string `required:"" help:"The decision source: the name of a webhook, of an SNS topic in decisions, or api."`
	Order  string `help:"The order ID in the path of POST /v1/orders/{orderId}/decisions, for the source api."`
	Query  string `placeholder:"NAME=VALUE" help:"The query of the URL, for webhooks that have a token there."`
}

// Run prints the decision. A signature or message that the worker would refuse is the error.
func (c *checkDecisionCmd) Run(w *world) error {
	conf, m, err := c.load(w)
	if err != nil {
		return err
	}
	m.OrderID = c.Order
	m.Query = strings.TrimPrefix(c.Query, "?")
	decision, err := preview.ForDecision(w.ctx, conf, c.Source, m)
	if decision != nil && c.Output == "json" {
		if printErr := printJSON(w.stdout, decision); printErr != nil {
			return printErr
		}
	} else if decision != nil {
		if printErr := printDecision(w.stdout, decision); printErr != nil {
			return printErr
		}
	}
	switch {
	case err != nil:
		return fmt.Errorf("the decision is refused: %w", err)
	case decision.Refused:
		return fmt.Errorf("the request is refused: %s", untrusted.TerminalLine(decision.Signature))
	}
	return nil
}

// table prints labelled values, one a line.
type table struct{ *tabwriter.Writer }

func newTable(out io.Writer) table { return table{tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)} }

// printRow prints a label and its value, unless the value is empty.
func (t table) printRow(label, value string) {
	if value != "" {
		fmt.Fprintf(t, "%s\t%s\n", untrusted.TerminalLine(label), untrusted.TerminalText(value))
	}
}

func printRequest(out io.Writer, r *preview.Request) error {
	t := newTable(out)
	t.printRow("order", r.OrderID)
	t.printRow("workflow", r.Workflow)
	t.printRow("status", r.Status)
	t.printRow("step", r.Step)
	t.printRow("title", r.Title)
	t.printRow("requester", r.Requester)
	t.printRow("execution", r.Execution)
	t.printRow("state", r.State)
	t.printRow("policy", r.Policy)
	t.printRow("least assurance", r.MinAssurance)
	printApprovers(t, "asked", r.Approvers, r.Channels)
	t.printRow("fallback channels", strings.Join(r.Fallback, ", "))
	t.printRow("deadline", stamp(r.Deadline))
	if r.TaskExpires != nil {
		t.printRow("task expires", stamp(*r.TaskExpires))
	}
	for _, at := range r.Reminders {
		t.printRow("reminder", stamp(at))
	}
	for _, e := range r.Escalations {
		printApprovers(t, "escalation "+stamp(e.At), e.Approvers, r.Channels)
	}
	t.printRow("heartbeat every", r.Heartbeat)
	printDetails(t, r)
	printMissing(t, r.NotFound)
	for _, note := range r.Notes {
		t.printRow("note", note)
	}
	for _, f := range r.Authority {
		t.printRow("authority: "+f.Field, f.Source)
	}
	printChoices(t, r.Choices)
	t.printRow("answered by target", r.Target)
	for _, a := range r.Answers {
		label := "answer to " + cmp.Or(a.Choice, a.Outcome)
		if a.Error != "" {
			label += " (error " + a.Error + ")"
		}
		t.printRow(label, string(a.Body))
	}
	return t.Flush()
}

// printDetails prints what approvers see, and accounts for the rest of the body.
func printDetails(t table, r *preview.Request) {
	for _, d := range r.Details {
		label := "shown: " + d.Label
		if d.Kind != "" {
			label += " (" + d.Kind + ")"
		}
		t.printRow(label, d.Value)
	}
	t.printRow("not shown", strings.Join(r.NotShown, ", "))
	t.printRow("hidden as secrets", strings.Join(r.Secret, ", "))
	t.printRow("empty", strings.Join(r.Empty, ", "))
	t.printRow("read as fields", strings.Join(r.ReadAs, ", "))
}

// printChoices prints each choice with its fields.
func printChoices(t table, choices []preview.Choice) {
	for _, c := range choices {
		text := fmt.Sprintf("%q, means %s", c.Label, c.Means)
		if c.Comment == string(approval.CommentRequired) {
			text += ", with a comment"
		}
		t.printRow("choice "+c.ID, text)
		for _, f := range c.Fields {
			parts := []string{f.Kind}
			if f.Required {
				parts = append(parts, "required")
			}
			if len(f.Default) > 0 {
				parts = append(parts, "at first "+string(f.Default))
			}
			if f.Edits != "" {
				parts = append(parts, "changes "+f.Edits+", which is "+string(f.Present))
			}
			t.printRow("  field "+f.Name, strings.Join(parts, ", "))
		}
	}
}

func printApprovers(t table, label string, approvers []preview.Approver, channels []string) {
	if len(approvers) == 0 {
		t.printRow(label, "everybody who gets a link, by "+strings.Join(channels, ", "))
	}
	for _, a := range approvers {
		by := "no channel"
		if len(a.Channels) > 0 {
			by = strings.Join(a.Channels, ", ")
		}
		t.printRow(label, fmt.Sprintf("%s by %s (%s)", a.ID, by, a.Reason))
	}
}

func printDecision(out io.Writer, d *preview.Decision) error {
	t := newTable(out)
	t.printRow("source", d.Source)
	t.printRow("signature", d.Signature)
	if d.Filtered {
		t.printRow("filter", "the message is not a decision: it is counted and dropped")
		return t.Flush()
	}
	t.printRow("order", d.OrderID)
	t.printRow("outcome", d.Outcome)
	t.printRow("choice", d.Choice)
	t.printRow("values", string(d.Values))
	t.printRow("step", d.Step)
	t.printRow("execution", d.Execution)
	t.printRow("approval", d.ApprovalID)
	t.printRow("decided by", d.DecidedBy)
	t.printRow("comment", d.Comment)
	t.printRow("decision ID", d.DecisionID)
	for _, j := range d.Judged {
		t.printRow("workflow "+j.Workflow, cmp.Or(strings.Join(j.Faults, "; "), "takes the choice and its values"))
	}
	printMissing(t, d.NotFound)
	for _, note := range d.Notes {
		t.printRow("note", note)
	}
	return t.Flush()
}

func printMissing(t table, fields []preview.MissingField) {
	for _, f := range fields {
		t.printRow("not found: "+f.Name, strings.Join(f.Expressions, ", "))
	}
}
