package main

import (
	"fmt"
	"net/url"
	"strconv"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/untrusted"
)

type refusedCmd struct {
	client
	watchFlags
	Source string `help:"Only refusals of this way in: decision-NAME, request-NAME, api, console, link, signin, slack, teams or public."`
	Reason string `help:"Only refusals with this reason, such as mismatch."`
	Limit  int    `default:"100" help:"Greatest number of lines, 1 to 1000."`
	Body   string `placeholder:"ID" help:"Show the body of this entry, of a webhook with keep_refused_bodies. The worker's log says who looked."`
}

// Run lists the refusals of a worker since its start, the last one first.
func (c *refusedCmd) Run(w *world) error {
	if c.Body != "" {
		return c.showBody(w)
	}
	return c.repeat(w, func() error { return c.list(w) })
}

func (c *refusedCmd) list(w *world) error {
	query := url.Values{"limit": {strconv.Itoa(c.Limit)}}
	for name, value := range map[string]string{"source": c.Source, "reason": c.Reason} {
		if value != "" {
			query.Set(name, value)
		}
	}
	var list api.RefusedList
	if err := c.call(w.ctx, "GET", "/v1/refused?"+query.Encode(), nil, &list); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(w.stdout, list)
	}
	l := listing{columns: []column{
		{name: "last"}, {name: "times"}, {name: "source"}, {name: "reason"}, {name: "answer"}, {name: "from"}, {name: "detail"},
		{name: "id", wide: true},
	}}
	for _, r := range list.Refused {
		l.add(c.moment(r.LastAt), strconv.Itoa(r.Count), r.Source, r.Reason, answerOf(r), r.Remote, detailOf(r), r.ID)
	}
	if err := l.print(w, &c.outputFlags); err != nil {
		return err
	}
	if len(list.Refused) == 0 && c.Source != "" {
		fmt.Fprintf(w.stderr, "nothing from %s: a webhook or topic is decision-NAME, a queue of requests is request-NAME\n", c.Source)
	}
	fmt.Fprintf(w.stderr, "refused by this worker since its start, %s; other workers have lists of their own\n", stamp(list.Since))
	return nil
}

func answerOf(r api.Refused) string {
	switch {
	case r.Status != 0:
		return strconv.Itoa(r.Status)
	case r.Remote != "":
		return "no request"
	}
	return "dead letter"
}

// detailOf returns the detail, with who sent the call, and the ID if the body can be shown.
func detailOf(r api.Refused) string {
	text := r.Detail
	if r.Principal != "" {
		text += " (" + r.Principal + ")"
	}
	if r.HasBody {
		text += " --body=" + r.ID
	}
	return text
}

func (c *refusedCmd) showBody(w *world) error {
	var out api.RefusedBody
	if err := c.call(w.ctx, "GET", "/v1/refused/"+escape(c.Body), nil, &out); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(w.stdout, out)
	}
	if out.Base64 {
		fmt.Fprintln(w.stderr, "the body is no text; this is its base64")
	}
	_, err := fmt.Fprintln(w.stdout, untrusted.MultiLine(out.Body))
	return err
}
