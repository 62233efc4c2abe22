package main

import (
	"fmt"

	"github.com/approval-relay/approval-relay/app"
	"github.com/approval-relay/approval-relay/untrusted"
)

// storeCompactCmd writes a SQLite file anew. It works without keys, because it does not open records.
type storeCompactCmd struct {
	Store string `arg:"" help:"The SQLite file, or a configuration file that names it."`

	outputFlag
}

// compacted is the output for programs.
type compacted struct {
	File   string `json:"file"`
	Before int64  `json:"bytesBefore"`
	After  int64  `json:"bytesAfter"`
}

// Run compacts the file.
func (c *storeCompactCmd) Run(w *world) error {
	place, err := readPlace(w, c.Store)
	if err != nil {
		return err
	}
	file := place.file
	if file == "" {
		if s := place.config.Store; s.Memory || s.IsShared() {
			return fmt.Errorf("the store is %s: only a SQLite file can be compacted", s.Name())
		}
		file = place.config.Store.SQLite
	}
	before, after, err := app.CompactFile(w.ctx, file)
	if err != nil {
		return err
	}
	if c.Output == "json" {
		return printJSON(w.stdout, compacted{file, before, after})
	}
	_, err = fmt.Fprintf(w.stdout, "%s: %d bytes before, %d now\n", untrusted.TerminalLine(file), before, after)
	return err
}
