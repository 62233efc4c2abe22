package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/untrusted"
)

type deadlettersCmd struct {
	client
	Source string `help:"Only dead letters of this source."`
	Reason string `placeholder:"CODE" help:"Only dead letters with this reason code."`
	Bodies bool   `help:"Show the bodies too, which may hold task tokens; the worker logs who has seen them."`
	After  string `help:"List dead letters after this ID."`
	Max    int    `default:"100" help:"Greatest number of dead letters, 1 to 1000."`
}

// Run lists the dead letters in the store's own table and in the dead letter queues.
func (c *deadlettersCmd) Run(w *world) error {
	query := url.Values{
		"limit":  {strconv.Itoa(c.Max)},
		"after":  {c.After},
		"source": {c.Source},
		"reason": {c.Reason},
	}
	if c.Bodies {
		query.Set("body", "1")
	}
	var list api.DeadLetterList
	if err := c.call(w.ctx, "GET", "/v1/deadletters?"+query.Encode(), nil, &list); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(w.stdout, list)
	}
	t := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tAT\tSOURCE\tREDRIVES\tREASON\tERROR")
	for _, l := range list.DeadLetters {
		printLetter(t, l)
	}
	for _, q := range list.Queues {
		for _, l := range q.Letters {
			printLetter(t, api.DeadLetter{
				ID:         l.MessageID,
				Source:     q.Source,
				ReasonCode: l.ReasonCode,
				Reason:     l.Reason,
				At:         l.At,
				Redrives:   l.Redrives,
				Body:       l.Body,
			})
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if list.Next != "" {
		fmt.Fprintf(w.stdout, "there are more: deadletters --after=%s\n", untrusted.TerminalLine(list.Next))
	}
	for _, q := range list.Queues {
		name := untrusted.TerminalLine(q.Queue)
		switch {
		case q.Error != "":
			fmt.Fprintf(w.stderr, "warning: the dead letter queue %s cannot be read: %s\n", name, untrusted.TerminalLine(q.Error))
		case q.HasMore:
			fmt.Fprintf(w.stdout, "%d in the queue %s, of which these are some: redrive --dry-run counts them by reason\n", q.Messages, name)
		case q.Messages > 0:
			fmt.Fprintf(w.stdout, "%d in the queue %s: look into it by redrive --dry-run\n", q.Messages, name)
		}
	}
	return nil
}

func printLetter(t io.Writer, l api.DeadLetter) {
	fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\n", untrusted.TerminalLine(l.ID), stamp(l.At), untrusted.TerminalLine(l.Source),
		l.Redrives, untrusted.TerminalLine(l.ReasonCode), untrusted.TerminalLine(l.Reason))
	if l.Body != "" {
		fmt.Fprintf(t, "  %s\n", untrusted.TerminalLine(l.Body))
	}
}

// dismissLettersCmd removes dead letters for good.
type dismissLettersCmd struct {
	client
	ID     []string `arg:"" optional:"" help:"IDs of dead letters, as deadletters lists them."`
	Code   string   `help:"All dead letters with this reason code, in place of IDs."`
	Source string   `help:"Only dead letters of this source."`
	Reason string   `required:"" help:"Your reason, for the log."`
	By     string   `help:"Person on whose behalf you act, for the log; the default is the user of this machine with a token file."`
	Yes    bool     `help:"Do not ask before the dead letters with the --code are removed."`
}

// Run removes dead letters. An ID of digits is that of a dead letter in the store, any other that of a message in a queue.
func (c *dismissLettersCmd) Run(w *world) error {
	if (len(c.ID) == 0) == (c.Code == "") {
		return &statusError{errors.New("name the IDs of dead letters, or --code, and not both"), statusUsage}
	}
	if c.Code != "" && !c.Yes {
		return &statusError{errors.New("--code removes all dead letters with this code for good: add --yes"), statusUsage}
	}
	in := api.DismissLettersRequest{By: c.onBehalfOf(w, c.By), Reason: c.Reason, ReasonCode: c.Code, Source: c.Source}
	for _, id := range c.ID {
		if strings.Trim(id, "0123456789") == "" {
			in.IDs = append(in.IDs, id)
		} else {
			in.MessageIDs = append(in.MessageIDs, id)
		}
	}
	var out api.LettersDismissed
	if err := c.call(w.ctx, "POST", "/v1/deadletters/dismissal", in, &out); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(w.stdout, out)
	}
	fmt.Fprintf(w.stdout, "dismissed %d dead letter(s), of them in queues: %d\n", out.Dismissed, out.FromQueues)
	if out.HasMore {
		fmt.Fprintln(w.stdout, "there may be more: repeat the command")
	}
	if len(out.NotFound) > 0 {
		out.Errors = append(out.Errors, "there is no dead letter "+strings.Join(out.NotFound, ", "))
	}
	if len(out.Errors) > 0 {
		return errors.New(untrusted.TerminalLine(strings.Join(out.Errors, "; ")))
	}
	return nil
}
