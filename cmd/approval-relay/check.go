package main

import (
	"fmt"

	"github.com/approval-relay/approval-relay/config"
)

// checkCmd checks files, and the worker.
type checkCmd struct {
	Config checkConfigCmd `cmd:"" help:"Check a configuration file; all faults are reported, with line and field."`
	Health checkHealthCmd `cmd:"" help:"Ask a running worker how it is; the status is 0 if it is well."`
}

type checkConfigCmd struct {
	File string `arg:"" help:"The configuration file."`
}

// Run checks the file as run reads it, its expressions and secrets too.
func (c *checkConfigCmd) Run(w *world) error {
	conf, _, err := config.Load(c.File, w.stdin, w.getenv)
	if err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "%s is good: %d workflow(s), %d decision topic(s), %d webhook(s), %d channel(s), %d target(s)\n", c.File,
		len(conf.Workflows), len(conf.Decisions), len(conf.Webhooks), len(conf.Channels), len(conf.Targets))
	return nil
}
