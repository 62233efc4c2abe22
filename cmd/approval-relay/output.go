package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/approval-relay/approval-relay/untrusted"
)

// outputFlags tell how a command prints its result.
type outputFlags struct {
	Output   string `short:"o" enum:"table,wide,json,csv" default:"table" group:"Output" help:"Form of the result: table, wide (more columns), json, or csv."`
	JSON     bool   `name:"json" group:"Output" help:"The same as --output=json."`
	NoColor  bool   `group:"Output" help:"Print no colours. NO_COLOR, and an output that is no terminal, do the same."`
	TimeZone string `default:"UTC" placeholder:"ZONE" group:"Output" help:"Time zone of the times in tables: UTC, Local, or a name such as Europe/Berlin."`

	zone *time.Location
}

// AfterApply checks and completes the flags, before Run.
func (f *outputFlags) AfterApply() error {
	if f.JSON && f.Output != "table" && f.Output != "json" {
		return fmt.Errorf("--json and --output=%s exclude each other", f.Output)
	}
	f.JSON = f.JSON || f.Output == "json"
	zone, err := time.LoadLocation(f.TimeZone)
	if err != nil {
		return fmt.Errorf("--time-zone: %q is not the name of a time zone", f.TimeZone)
	}
	f.zone = zone
	return nil
}

// errNotATable is the error of a command that does not print a list.
var errNotATable = errors.New("the result of this command is no table: use --output=table or --output=json")

// checkSentence refuses CSV, for a command that prints sentences.
func (f *outputFlags) checkSentence() error {
	if f.Output == "csv" {
		return errNotATable
	}
	return nil
}

// moment returns a time in the zone of the command, with its offset.
func (f *outputFlags) moment(t time.Time) string {
	if t.IsZero() {
		return noValue
	}
	return t.In(f.location()).Format(time.RFC3339)
}

// location returns the zone of the command, UTC for a command that was made without the command line.
func (f *outputFlags) location() *time.Location {
	if f.zone == nil {
		return time.UTC
	}
	return f.zone
}

// usesColor reports whether the output is coloured: it goes to a terminal, and nobody has asked for none.
func (f *outputFlags) usesColor(w *world) bool {
	return !f.NoColor && w.getenv("NO_COLOR") == "" && w.getenv("TERM") != "dumb" && isTerminal(w.stdout)
}

// listing is a list that a command prints: as aligned columns, or as CSV.
type listing struct {
	columns []column
	rows    [][]string
}

// column is a column of a listing.
type column struct {
	name string
	// wide columns are printed with --output=wide and --output=csv only.
	wide bool
	// text is free text, such as an error. In a table, it is cut to the width of a line; wide and CSV have all of it.
	text bool
	// tone returns the colour of a value; nil has none.
	tone func(value string) tone
}

// add adds a row: a value for each column, wide or not. The values may come from outside.
func (l *listing) add(values ...string) { l.rows = append(l.rows, values) }

// print prints the listing in the form that the command asks for. JSON is printed by the command itself.
func (l *listing) print(w *world, f *outputFlags) error {
	if f.Output == "csv" {
		return l.printCSV(w.stdout)
	}
	return l.write(w.stdout, f, f.usesColor(w))
}

// write writes aligned columns.
func (l *listing) write(to io.Writer, f *outputFlags, color bool) error {
	out := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	var names []string
	for _, c := range l.columns {
		if !c.wide || f.Output == "wide" {
			names = append(names, paint(color, toneNone, strings.ToUpper(c.name)))
		}
	}
	fmt.Fprintln(out, strings.Join(names, "\t"))
	for _, row := range l.rows {
		var cells []string
		for i, c := range l.columns {
			if c.wide && f.Output != "wide" {
				continue
			}
			cell := untrusted.TerminalLine(dash(row[i]))
			if c.text && f.Output != "wide" {
				cell = shortCell(cell)
			}
			t := toneNone
			if c.tone != nil {
				t = c.tone(row[i])
			}
			cells = append(cells, paint(color, t, cell))
		}
		fmt.Fprintln(out, strings.Join(cells, "\t"))
	}
	return out.Flush()
}

// maxCell is the number of characters of a free text in a table. Errors of messages list every place that was looked at.
const maxCell = 100

// shortCell returns the beginning of a text, fit for a cell of a table.
func shortCell(s string) string {
	return untrusted.Shorten(untrusted.TerminalLine(s), maxCell)
}

// noValue is in the cells of a table that have no value.
const noValue = "-"

// printCSV prints all columns as RFC 4180 has them.
func (l *listing) printCSV(out io.Writer) error {
	writer := csv.NewWriter(out)
	names := make([]string, len(l.columns))
	for i, c := range l.columns {
		names[i] = strings.ReplaceAll(c.name, " ", "_")
	}
	_ = writer.Write(names) // Error returns the first one
	for _, row := range l.rows {
		cells := make([]string, len(row))
		for i, value := range row {
			if value != noValue { // an empty cell in a file that programs read
				cells[i] = untrusted.CSVCell(value)
			}
		}
		_ = writer.Write(cells)
	}
	writer.Flush()
	return writer.Error()
}

// tone is the colour of a value.
type tone string

// The tones, as the codes of ANSI terminals. All have two digits, so that the columns of a table stay aligned: the width
// of a cell counts its codes.
const (
	toneNone tone = "39"
	toneGood tone = "32"
	toneWarn tone = "33"
	toneBad  tone = "31"
)

func paint(color bool, t tone, text string) string {
	if !color {
		return text
	}
	return "\x1b[" + string(t) + "m" + text + "\x1b[0m"
}

// stateTone returns the colour of the state of an approval, a callback or a letter.
func stateTone(state string) tone {
	switch state {
	case "approved", "delivered":
		return toneGood
	case "pending", "delivered_presumed", "returned", "retrying":
		return toneWarn
	case "rejected", "timed_out", "exhausted", "too_late", "unknown", "undeliverable":
		return toneBad
	}
	return toneNone
}
