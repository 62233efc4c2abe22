package main

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/untrusted"
)

type deadlettersCmd struct {
	client
	watchFlags
	Source string `help:"Only dead letters of this source."`
	Reason string `placeholder:"CODE" help:"Only dead letters with this reason code."`
	Bodies bool   `help:"Show the bodies too, which may hold task tokens; the worker logs who has seen them."`
	After  string `help:"List dead letters after this ID."`
	Max    int    `default:"100" help:"Greatest number of dead letters, 1 to 1000."`
}

// Run lists the dead letters in the store's own table and in the dead letter queues.
func (c *deadlettersCmd) Run(w *world) error {
	return c.repeat(w, func() error { return c.list(w) })
}

func (c *deadlettersCmd) list(w *world) error {
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
	letters := list.DeadLetters
	for _, q := range list.Queues {
		for _, l := range q.Letters {
			letters = append(letters, api.DeadLetter{
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
	if err := c.printLetters(w, letters); err != nil {
		return err
	}
	if list.Next != "" {
		fmt.Fprintf(w.stderr, "there are more: deadletters --after=%s\n", untrusted.TerminalLine(list.Next))
	}
	if c.After == "" { // further pages have no numbers
		c.printCounts(w, &list)
	}
	return nil
}

// printCounts prints how many dead letters there are, in the store and in each queue.
func (c *deadlettersCmd) printCounts(w *world, list *api.DeadLetterList) {
	stored, selected := 0, ""
	if c.Reason != "" || c.Source != "" {
		selected = "selected "
	}
	for _, g := range list.Stored {
		stored += g.Count
	}
	fmt.Fprintf(w.stderr, "%sin the store: %d\n", selected, stored)
	for _, q := range list.Queues {
		name := untrusted.TerminalLine(q.Queue)
		switch {
		case q.Error != "":
			fmt.Fprintf(w.stderr, "warning: the dead letter queue %s cannot be read: %s\n", name, untrusted.TerminalLine(q.Error))
		case selected != "":
			fmt.Fprintf(w.stderr, "%sin the queue %s: %d, of about %d messages\n", selected, name, len(q.Letters), q.Messages)
		default:
			fmt.Fprintf(w.stderr, "in the queue %s: about %d\n", name, q.Messages)
		}
		if q.HasMore {
			fmt.Fprintf(w.stderr, "not all messages of the queue %s were read: redrive --dry-run counts them by reason\n", name)
		}
	}
}

// printLetters prints dead letters in the form that the command asks for.
func (c *deadlettersCmd) printLetters(w *world, letters []api.DeadLetter) error {
	l := listing{columns: []column{
		{name: "id"}, {name: "at"}, {name: "source"}, {name: "redrives"}, {name: "reason"}, {name: "error", text: true},
	}}
	if c.Bodies {
		l.columns = append(l.columns, column{name: "body"})
	}
	for _, letter := range letters {
		row := []string{letter.ID, c.moment(letter.At), letter.Source, strconv.Itoa(letter.Redrives), letter.ReasonCode, letter.Reason}
		if c.Bodies {
			row = append(row, letter.Body)
		}
		l.add(row...)
	}
	return l.print(w, &c.outputFlags)
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
