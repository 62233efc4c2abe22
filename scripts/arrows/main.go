// Command arrows checks the imports between the packages of this repository against table.txt. The table is the map of
// the repository: it lists for each package the packages that it may import. It prints every import that the table does
// not list, with its place, and every package without a row. Run it as `go run ./scripts/arrows`.
//
// It also checks that only the places of times.txt ask the clock of the machine: all that is recorded, or compared with
// records, takes package clock, which notices a clock that is wrong.
//
// The table is exact. With -strict an unused entry fails too, so that it cannot permit anything by accident; without
// -strict it is printed as a warning.
package main

import (
	_ "embed"
	"flag"
	"fmt"
	"io"
	"os"
)

//go:embed table.txt
var tableText string

func main() {
	strict := flag.Bool("strict", false, "fail on entries of the table that no import needs")
	flag.Parse()
	if err := run(".", *strict, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "arrows:", err)
		os.Exit(1)
	}
}

// run checks the repository at root and writes its findings to stdout.
func run(root string, strict bool, stdout io.Writer) error {
	table, err := parseTable(tableText)
	if err != nil {
		return fmt.Errorf("scripts/arrows/table.txt: %w", err)
	}
	packages, err := readPackages(root, nil)
	if err != nil {
		return err
	}
	breaches, unused := table.check(packages)
	allowed, err := parseTimes(timesText)
	if err != nil {
		return fmt.Errorf("scripts/arrows/times.txt: %w", err)
	}
	times, err := checkTimes(root, allowed)
	if err != nil {
		return err
	}
	breaches = append(breaches, times...)
	if strict {
		breaches = append(breaches, unused...)
		unused = nil
	}
	for _, warning := range unused {
		fmt.Fprintln(stdout, "warning:", warning)
	}
	for _, breach := range breaches {
		fmt.Fprintln(stdout, breach)
	}
	if len(breaches) > 0 {
		return fmt.Errorf("%d findings: mend them, or the table if the design has changed", len(breaches))
	}
	fmt.Fprintf(stdout, "arrows: %d packages import only what scripts/arrows/table.txt lists\n", len(packages))
	return nil
}
