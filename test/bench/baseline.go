package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
)

// baseline has the recorded figures. Later runs are compared with them.
type baseline struct {
	// Work is the CPU time of the yardstick on the machine of the record, in nanoseconds; see doWork.
	Work float64 `json:"work_nanoseconds"`
	// Counts do not depend on the speed of the machine.
	Counts counts `json:"counts"`
}

// counts are figures by name: allocations, writes, calls and bytes. The name says for how much work.
type counts map[string]float64

const (
	// maxGrowth is the highest accepted ratio of a count to the recorded count.
	maxGrowth = 1.10
	// countSlack is how far a count may always be above its record, even above 0.
	countSlack = 0.02
)

// readBaseline reads the file. Without it, all limits that depend on it fail until it is recorded.
func readBaseline(path string) (recorded baseline, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return recorded, fmt.Errorf("baseline: %w", err)
	}
	if err := json.Unmarshal(text, &recorded); err != nil {
		return recorded, fmt.Errorf("baseline %s: %w", path, err)
	}
	return recorded, nil
}

// recordBaseline writes the figures of this run. A count that was not measured here keeps its record.
func (b *bench) recordBaseline(path string) error {
	now := baseline{Work: b.now.Work, Counts: counts{}}
	maps.Copy(now.Counts, b.recorded.Counts)
	for name, n := range b.now.Counts {
		now.Counts[name] = math.Round(n*100) / 100
	}
	text, err := json.MarshalIndent(now, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// compareCounts returns a row for each measured count. A count without a record fails, so that it is recorded
// with the change that adds it. A recorded count that was not measured is left out: its server is not installed here.
func compareCounts(recorded, now counts) []row {
	var rows []row
	for _, name := range slices.Sorted(maps.Keys(now)) {
		was, found := recorded[name]
		if !found {
			rows = append(rows, row{
				what:     name,
				measured: formatCount(now[name]),
				against:  "recorded: never",
				figure:   "-",
				limit:    "recorded",
			})
			continue
		}
		most := max(was*maxGrowth, was+countSlack)
		rows = append(rows, row{
			what:     name,
			measured: formatCount(now[name]),
			against:  "recorded: " + formatCount(was),
			figure:   formatGrowth(was, now[name]),
			limit:    "≤ " + formatCount(most),
			ok:       now[name] <= most,
		})
	}
	return rows
}

// formatCount formats a count with at most two digits after the point.
func formatCount(x float64) string {
	if x >= 100 {
		return groupThousands(int(math.Round(x)))
	}
	return trimZeros(fmt.Sprintf("%.2f", x))
}

func formatGrowth(was, now float64) string {
	if was == 0 {
		return "+" + formatCount(now)
	}
	return fmt.Sprintf("%+.0f %%", 100*(now/was-1))
}
