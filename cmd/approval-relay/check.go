package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/approval-relay/approval-relay/config"
)

// checkCmd checks files, and the worker.
type checkCmd struct {
	Config   checkConfigCmd   `cmd:"" help:"Check a configuration file; all faults and warnings are reported, with line and field."`
	Request  checkRequestCmd  `cmd:"" help:"Show the approval that a request would make, without making it."`
	Decision checkDecisionCmd `cmd:"" help:"Show the decision that a message would make, without making it."`
	Health   checkHealthCmd   `cmd:"" help:"Ask a running worker how it is; the status is 0 if it is well."`
}

// outputFlag selects the form of a command's output.
type outputFlag struct {
	Output string `enum:"text,json" default:"text" short:"o" help:"Form of the output: text or json."`
}

type checkConfigCmd struct {
	File   string `arg:"" help:"The configuration file; - is the standard input."`
	Strict bool   `help:"Count warnings as faults."`
	Online bool   `help:"Also ask the services that the file names: the OpenID Connect provider."`

	outputFlag
}

// Run checks the file as run reads it, its expressions and secrets too.
func (c *checkConfigCmd) Run(w *world) error {
	conf, warnings, err := config.Load(c.File, w.stdin, w.getenv)
	r := checkReport{File: config.FileName(c.File), Warnings: warnings}
	faults, isFaulty := errors.AsType[*config.Faults](err)
	switch {
	case isFaulty:
		r = checkReport{File: faults.File, Faults: faults.Faults, Warnings: faults.Warnings}
	case err != nil:
		return err
	}
	if conf != nil && c.Online {
		faults, more := conf.CheckOnline(w.ctx, nil)
		r.Faults = append(r.Faults, faults...)
		r.Warnings = append(r.Warnings, more...)
	}
	if conf != nil {
		r.Deadlines = conf.DeadlineWaves()
	}
	r.OK = len(r.Faults) == 0 && (len(r.Warnings) == 0 || !c.Strict)
	if c.Output == "json" {
		if err := r.printJSON(w.stdout); err != nil {
			return err
		}
	} else {
		r.print(w, conf)
	}
	if !r.OK {
		return errReported
	}
	return nil
}

// checkReport is the result of check config, as --output json prints it.
type checkReport struct {
	File     string           `json:"file"`
	OK       bool             `json:"ok"`
	Faults   []config.Finding `json:"faults"`
	Warnings []config.Finding `json:"warnings"`
	// Deadlines states for each workflow how many deadlines at the same moment are answered in time.
	Deadlines []config.DeadlineWave `json:"deadlines"`
}

func (r checkReport) printJSON(out io.Writer) error {
	r.Faults = append([]config.Finding{}, r.Faults...) // an empty list is []
	r.Warnings = append([]config.Finding{}, r.Warnings...)
	r.Deadlines = append([]config.DeadlineWave{}, r.Deadlines...)
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(r)
}

// print prints the findings for people. The result of a good file goes to the standard output, all else to the standard
// error output.
func (r checkReport) print(w *world, conf *config.Config) {
	out := w.stderr
	switch {
	case len(r.Faults) > 0:
		fmt.Fprintf(out, "approval-relay: %s\n", (&config.Faults{File: r.File, Faults: r.Faults}).Error())
	case !r.OK:
		fmt.Fprintf(out, "approval-relay: configuration %s has warnings, which --strict counts as faults\n", r.File)
	default:
		out = w.stdout
		fmt.Fprintf(out, "%s is good: %s\n", r.File, summarize(conf))
		for _, wave := range r.Deadlines {
			fmt.Fprintf(out, "  workflow %s: %d approvals may have the same deadline: %s makes %g calls a second, after %d at once, "+
				"within the margin of %s\n", wave.Workflow, wave.Answers, wave.Target, wave.Rate, wave.Burst, wave.Margin)
		}
	}
	if len(r.Warnings) == 0 {
		return
	}
	fmt.Fprintf(out, "%s:\n", plural(len(r.Warnings), "warning"))
	for _, warning := range r.Warnings {
		fmt.Fprintf(out, "  %s\n", warning)
	}
}

// summarize returns the number of parts of each kind.
func summarize(c *config.Config) string {
	return strings.Join([]string{
		plural(len(c.Workflows), "workflow"),
		plural(len(c.Decisions), "decision topic"),
		plural(len(c.Webhooks), "webhook"),
		plural(len(c.Channels), "channel"),
		plural(len(c.Targets), "target"),
	}, ", ")
}

// plural returns "1 fault" or "2 faults".
func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
