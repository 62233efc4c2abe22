package main

import "fmt"

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
	config, err := Load(c.File, w.getenv)
	if err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "%s is good: %d workflow(s), %d decision topic(s), %d webhook(s), %d channel(s), %d target(s)\n", c.File,
		len(config.Workflows), len(config.Decisions), len(config.Webhooks), len(config.Channels), len(config.Targets))
	return nil
}
