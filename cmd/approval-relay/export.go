package main

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// exportCmd writes all selected approvals, for an auditor or a spreadsheet.
type exportCmd struct {
	client
	State string `enum:"pending,retrying,undeliverable,exhausted,unanswered,attention,closed,all" default:"all" help:"The state of the approvals, as for requests."`
	filterFlags
	Format string `enum:"csv,jsonl" default:"csv" help:"csv, or jsonl: a JSON object on each line, as --output=json."`
	After  string `help:"Go on after the order with this ID."`
	To     string `placeholder:"FILE" help:"A file that does not exist; without it, the standard output."`
}

// Run writes the approvals as they come. If the worker breaks off, the command fails, and its output is incomplete.
func (c *exportCmd) Run(w *world) (err error) {
	if c.JSON { // --output of the other commands
		c.Format = "jsonl"
	}
	query := c.query(c.State)
	query.Set("format", c.Format)
	if c.After != "" {
		query.Set("after", c.After)
	}
	resp, err := c.get(w.ctx, "/v1/export?"+query.Encode())
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	out := w.stdout
	if c.To != "" {
		file, err := os.OpenFile(c.To, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("--to: %w", err)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		out = file
	}
	if _, err := io.Copy(out, resp.Body); err != nil {
		return fmt.Errorf("the export broke off and is not whole; --after with its last order ID goes on: %w", err)
	}
	return nil
}
