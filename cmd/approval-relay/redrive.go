package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/untrusted"
)

type redriveCmd struct {
	client
	DryRun bool   `help:"Only count, by reason code."`
	Yes    bool   `help:"Do not ask before the redrive begins."`
	Max    int    `default:"1000" help:"Greatest number of callbacks and messages; --all has no such number."`
	All    bool   `help:"Redrive all that is selected, however many, instead of at most --max."`
	Reason string `placeholder:"CODE" help:"Only callbacks and messages with this reason code, such as http_503; a dry run lists the codes."`
	Order  string `help:"Only the callbacks of the order with this ID."`
	Limit  int    `default:"3" help:"Skip callbacks and messages that were redriven this often already; --no-guard removes this guard."`
	// NoGuard is the flag --no-guard.
	NoGuard bool   `help:"Redrive also what was redriven --limit times already: only after the cause is fixed."`
	By      string `help:"Person on whose behalf you act, for the history; the default is the user of this machine if the token is in the token file."`
}

// Run redrives exhausted callbacks, and messages in dead letter queues and in the store. If it is interrupted, or a call
// fails, it prints what was redriven until then.
func (c *redriveCmd) Run(w *world) error {
	switch {
	case c.Max < 1:
		return &statusError{errors.New("--max must be at least 1; use --all to redrive all that is selected"), statusUsage}
	case c.Limit < 1:
		return &statusError{errors.New("--limit must be at least 1; use --no-guard to redrive what was redriven often"), statusUsage}
	case !c.DryRun && !c.Yes:
		if some, err := c.confirm(w); err != nil || !some {
			return err
		}
	}
	r, err := c.runSteps(w, c.DryRun)
	if c.JSON {
		return errors.Join(printJSON(w.stdout, r), err, c.checkFound(r))
	}
	if err == nil {
		err = c.checkFound(r)
		if err != nil {
			return err
		}
	}
	return errors.Join(c.printReport(w, r), err)
}

// confirm counts what would be redriven, and asks whether to begin. It reports whether there is something to redrive.
// Without a terminal nobody can be asked, so the command must have --yes.
func (c *redriveCmd) confirm(w *world) (some bool, err error) {
	if !isTerminal(w.stdin) {
		return false, &statusError{errors.New("look at redrive --dry-run first, then use --yes: nobody can be asked here"), statusUsage}
	}
	r, err := c.runSteps(w, true)
	if err != nil {
		return false, err
	}
	if err := c.checkFound(r); err != nil {
		return false, err
	}
	n, err := c.describeFound(w.stderr, r)
	if n == 0 || err != nil {
		return false, err
	}
	return true, confirm(w, fmt.Sprintf("Redrive %d?", n))
}

// describeFound prints what a dry run has found, and returns the number that the command redrives. If it is 0 because
// something could not be read, there is an error.
func (c *redriveCmd) describeFound(out io.Writer, r api.RedriveReport) (int, error) {
	for _, g := range r.Found {
		fmt.Fprintf(out, "%6d  %s  %s\n", g.Count, untrusted.TerminalLine(g.ReasonCode), shortCell(g.Example))
	}
	if r.Guarded > 0 {
		fmt.Fprintf(out, "%6d  of these are skipped: they were redriven %d times or more already; --no-guard redrives them too\n",
			r.Guarded, c.Limit)
	}
	if r.NotLookedAt > 0 {
		fmt.Fprintf(out, "warning: "+notLookedAt+"\n", r.NotLookedAt)
	}
	n := min(countFound(r)-r.Guarded-r.Kept, c.most())
	switch {
	case n > 0:
		return n, nil
	case len(r.Errors) > 0:
		return 0, readError(r.Errors)
	}
	fmt.Fprintln(out, "there is nothing to redrive")
	return 0, nil
}

const notLookedAt = "about %d message(s) in dead letter queues were not looked at: there are too many before them"

// most returns the greatest number that the command redrives.
func (c *redriveCmd) most() int {
	if c.All {
		return math.MaxInt
	}
	return c.Max
}

// stepMax is the largest number that one call of the API redrives.
const stepMax = 1000

// runSteps calls the API until nothing is left, or the greatest number is reached, and returns the sums of all calls.
func (c *redriveCmd) runSteps(w *world, dryRun bool) (api.RedriveReport, error) {
	in := api.RedriveRequest{
		DryRun:     dryRun,
		ReasonCode: c.Reason,
		Limit:      c.Limit,
		NoGuard:    c.NoGuard,
		By:         c.onBehalfOf(w, c.By),
		OrderID:    c.Order,
	}
	progress := newProgress(w, c.JSON)
	defer progress.end()
	total := api.RedriveReport{DryRun: dryRun, Found: []api.RedriveGroup{}}
	for left := c.most(); ; {
		in.Max = new(min(left, stepMax))
		var step api.RedriveReport
		if err := c.call(w.ctx, "POST", "/v1/redrive", in, &step); err != nil {
			return total, err
		}
		addStep(&total, step)
		left -= step.Redriven + step.Failed
		if step.Next == "" || left <= 0 && !dryRun {
			return total, nil
		}
		if step.Next == in.After && step.Redriven == 0 { // impossible
			return total, errors.New("the redrive does not go on")
		}
		in.After = step.Next
		progress.show("so far: found %d, redriven %d", countFound(total), total.Redriven)
	}
}

// maxErrors is the number of errors of a redrive that are printed.
const maxErrors = 10

// addStep adds the report of a call to the sums.
func addStep(total *api.RedriveReport, step api.RedriveReport) {
	for _, g := range step.Found {
		i := slices.IndexFunc(total.Found, func(t api.RedriveGroup) bool { return t.ReasonCode == g.ReasonCode })
		if i < 0 {
			total.Found = append(total.Found, g)
			continue
		}
		total.Found[i].Count += g.Count
	}
	slices.SortFunc(total.Found, func(a, b api.RedriveGroup) int { return strings.Compare(a.ReasonCode, b.ReasonCode) })
	total.Redriven += step.Redriven
	total.Requeued += step.Requeued
	total.Failed += step.Failed
	total.Returned = min(total.Returned+step.Returned, total.Requeued) // each step sees those of the steps before
	total.Guarded += step.Guarded
	total.Kept += step.Kept
	total.Expired += step.Expired
	total.NotLookedAt += step.NotLookedAt
	total.Next = step.Next
	for _, e := range step.Errors {
		if len(total.Errors) < maxErrors && !slices.Contains(total.Errors, e) {
			total.Errors = append(total.Errors, e)
		}
	}
}

func countFound(r api.RedriveReport) int {
	n := 0
	for _, g := range r.Found {
		n += g.Count
	}
	return n
}

func (c *redriveCmd) printReport(w *world, r api.RedriveReport) error {
	if len(r.Found) == 0 && len(r.Errors) == 0 {
		fmt.Fprintln(w.stderr, "there is nothing to redrive")
	}
	t := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FOUND\tREASON\tEXAMPLE")
	for _, g := range r.Found {
		fmt.Fprintf(t, "%d\t%s\t%s\n", g.Count, untrusted.TerminalLine(g.ReasonCode), shortCell(g.Example))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	warn := func(n int, format string, more ...any) {
		if n > 0 {
			fmt.Fprintf(w.stderr, "warning: "+format+"\n", append([]any{n}, more...)...)
		}
	}
	warn(r.Expired, "the task of %d callback(s) has expired: the answers will most likely come too late")
	warn(r.Guarded, "%d were redriven %d times or more already and skipped; fix the cause, then use --no-guard", c.Limit)
	warn(r.Kept, "%d stay as they were: they could not be redriven now, or changed meanwhile")
	warn(r.NotLookedAt, notLookedAt)
	if c.DryRun {
		fmt.Fprintln(w.stdout, "dry run: nothing was redriven")
	} else {
		fmt.Fprintf(w.stdout, "redriven %d (of them put back on their queue: %d), failed again at once %d\n",
			r.Redriven, r.Requeued, r.Failed)
		warn(r.Returned, "%d that were put back on their queue are dead letters again: the cause is not fixed")
		if r.Next != "" {
			fmt.Fprintln(w.stdout, "there may be more: this redrive ended at its --max, or early")
		}
	}
	if len(r.Errors) > 0 {
		return readError(r.Errors)
	}
	return nil
}

func readError(errs []string) error {
	return fmt.Errorf("some could not be read or redriven: %s", untrusted.TerminalLine(strings.Join(errs, "; ")))
}

// checkFound returns an error if nothing has the reason code of the command.
func (c *redriveCmd) checkFound(r api.RedriveReport) error {
	if c.Reason == "" || len(r.Found)+r.Redriven+r.Guarded+len(r.Errors) > 0 {
		return nil
	}
	return fmt.Errorf("nothing was found with the reason code %q; redrive --dry-run lists the codes", c.Reason)
}

func escape(s string) string { return url.QueryEscape(s) }
