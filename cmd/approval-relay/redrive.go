package main

import (
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/untrusted"
)

type redriveCmd struct {
	client
	DryRun bool   `help:"Only count, by reason code."`
	Max    int    `default:"1000" help:"Greatest number of callbacks and messages."`
	Reason string `placeholder:"CODE" help:"Only callbacks and messages with this reason code, such as http_503; a dry run lists the codes."`
	Order  string `help:"Only the callbacks of the order with this ID."`
	Limit  int    `default:"3" help:"Skip callbacks and messages that were redriven this often already; -1 removes this guard."`
	By     string `help:"Person on whose behalf you act, for the history; the default is the user of this machine if the token is in the token file."`
}

// Run redrives exhausted callbacks, and messages in dead letter queues and in the store.
func (c *redriveCmd) Run(w *world) error {
	in := api.RedriveRequest{
		DryRun:     c.DryRun,
		Max:        c.Max,
		ReasonCode: c.Reason,
		Limit:      c.Limit,
		By:         c.onBehalfOf(w, c.By),
		OrderID:    c.Order,
	}
	var r api.RedriveReport
	if err := c.call(w.ctx, "POST", "/v1/redrive", in, &r); err != nil {
		return err
	}
	if c.JSON {
		if err := printJSON(w.stdout, r); err != nil {
			return err
		}
		return c.checkFound(r)
	}
	if err := c.checkFound(r); err != nil {
		return err
	}
	t := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FOUND\tREASON\tEXAMPLE")
	for _, g := range r.Found {
		fmt.Fprintf(t, "%d\t%s\t%s\n", g.Count, untrusted.TerminalLine(g.ReasonCode), untrusted.TerminalLine(g.Example))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if r.Expired > 0 {
		fmt.Fprintf(w.stderr, "warning: the task of %d callback(s) has expired: the answers will most likely come too late\n", r.Expired)
	}
	if r.Guarded > 0 {
		fmt.Fprintf(w.stderr, "warning: %d were redriven %d times or more already and skipped; fix the cause, "+
			"then use --limit=-1\n", r.Guarded, c.Limit)
	}
	if c.DryRun {
		fmt.Fprintln(w.stdout, "dry run: nothing was redriven")
	} else {
		fmt.Fprintf(w.stdout, "redriven %d, exhausted again at once %d\n", r.Redriven, r.Failed)
	}
	if len(r.Errors) > 0 {
		return fmt.Errorf("some could not be read or redriven: %s", untrusted.TerminalLine(strings.Join(r.Errors, "; ")))
	}
	return nil
}

// checkFound returns an error if nothing has the reason code of the command. Messages of dead letter queues that were
// moved are counted as redriven only.
func (c *redriveCmd) checkFound(r api.RedriveReport) error {
	if c.Reason == "" || len(r.Found)+r.Redriven+r.Guarded+len(r.Errors) > 0 {
		return nil
	}
	return fmt.Errorf("nothing was found with the reason code %q; redrive --dry-run lists the codes", c.Reason)
}

type deadlettersCmd struct {
	client
	After string `help:"List dead letters after this ID."`
}

// Run lists the dead letters in the store's own table.
func (c *deadlettersCmd) Run(w *world) error {
	var list api.DeadLetterList
	if err := c.call(w.ctx, "GET", "/v1/deadletters?after="+escape(c.After), nil, &list); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(w.stdout, list)
	}
	t := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tAT\tSOURCE\tREDRIVES\tREASON\tERROR")
	for _, l := range list.DeadLetters {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\n", untrusted.TerminalLine(l.ID), stamp(l.At), untrusted.TerminalLine(l.Source),
			l.Redrives, untrusted.TerminalLine(l.ReasonCode), untrusted.TerminalLine(l.Reason))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if list.Error != "" {
		return fmt.Errorf("some dead letters cannot be read: %s", untrusted.TerminalLine(list.Error))
	}
	return nil
}

func escape(s string) string { return url.QueryEscape(s) }
