package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// baseline has the recorded allocations of the worker per approval.
type baseline struct {
	Allocations float64 `json:"allocations_per_approval"`
	Bytes       float64 `json:"bytes_per_approval"`
}

// maxRise is the highest accepted ratio of a measured value to the recorded value.
const maxRise = 1.10

// compareAllocations adds the rows about allocations. Without a recorded baseline it records the measured values.
func (b *bench) compareAllocations(allocations, bytes float64) error {
	now := baseline{Allocations: float64(int(allocations)), Bytes: float64(int(bytes))}
	was := now
	text, err := os.ReadFile(b.baseline)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		text, err = json.MarshalIndent(now, "", "  ")
		if err == nil {
			err = os.WriteFile(b.baseline, append(text, '\n'), 0o600)
		}
	case err == nil:
		err = json.Unmarshal(text, &was)
	}
	if err != nil {
		return fmt.Errorf("baseline: %w", err)
	}
	b.addRow(atMost("allocations per whole approval, in the worker", formatNumber(now.Allocations),
		"recorded: "+formatNumber(was.Allocations), now.Allocations/was.Allocations, maxRise).asRatio())
	b.addRow(atMost("bytes allocated per whole approval", formatKiB(now.Bytes), "recorded: "+formatKiB(was.Bytes),
		now.Bytes/was.Bytes, maxRise).asRatio())
	return nil
}

func formatKiB(bytes float64) string { return strings.TrimSpace(fmt.Sprintf("%.0f KiB", bytes/1024)) }
