package main

import (
	"fmt"

	"github.com/approval-relay/approval-relay/api"
)

// reloadCmd lets a running worker read its configuration again.
type reloadCmd struct{ client }

// Run reloads. A configuration that is refused is the error, with all its faults.
func (c *reloadCmd) Run(w *world) error {
	var answer api.Reloaded
	if err := c.call(w.ctx, "POST", "/-/reload", nil, &answer); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(w.stdout, answer)
	}
	for _, warning := range answer.Warnings {
		fmt.Fprintf(w.stderr, "warning: %s\n", warning)
	}
	fmt.Fprintln(w.stdout, "the configuration is reloaded")
	return nil
}
