package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// baseline is what was recorded of the worker's allocations for one approval.
type baseline struct {
	Allocations float64 `json:"allocations_per_approval"`
	Bytes       float64 `json:"bytes_per_approval"`
}

// rise is how much more than the baseline is still no news.
const rise = 1.10

// compareAllocations adds the rows about allocations. Where nothing is recorded
// yet, this is.
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
	b.add(atMost("allocations per whole approval, in the worker", number(now.Allocations), "recorded: "+number(was.Allocations),
		now.Allocations/was.Allocations, rise).times())
	b.add(atMost("bytes allocated per whole approval", kilo(now.Bytes), "recorded: "+kilo(was.Bytes), now.Bytes/was.Bytes, rise).times())
	return nil
}

func kilo(bytes float64) string { return strings.TrimSpace(fmt.Sprintf("%.0f KiB", bytes/1024)) }
