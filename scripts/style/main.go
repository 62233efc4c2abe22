// Command style measures the house style over the Go code of this repository, compares the figures with their limits,
// and prints both. Run it as `go run ./scripts/style`; with -v it also prints the places that a figure counts.
//
// The figures are about code and comments outside of _test.go files; generated code and testdata do not count.
// Without -strict a figure above its limit is a warning.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	strict := flag.Bool("strict", false, "fail if a figure is above its limit")
	verbose := flag.Bool("v", false, "print the places that the figures count")
	flag.Parse()
	roots := flag.Args()
	if len(roots) == 0 {
		roots = []string{"."}
	}
	if err := run(roots, *strict, *verbose, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "style:", err)
		os.Exit(1)
	}
}

// run measures the code below the roots and writes the report to stdout.
func run(roots []string, strict, verbose bool, stdout io.Writer) error {
	m := &measurement{}
	for _, root := range roots {
		if err := m.addTree(root); err != nil {
			return err
		}
	}
	if m.files == 0 {
		return errors.New("found no Go code to measure")
	}
	above := 0
	for _, f := range m.figures() {
		verdict := ""
		if f.value > f.limit {
			verdict = "  ABOVE THE LIMIT"
			above++
		}
		fmt.Fprintf(stdout, "%-52s %6.2f  (at most %g)%s\n", f.name, f.value, f.limit, verdict)
		if verbose {
			for _, place := range f.places {
				fmt.Fprintln(stdout, "    "+place)
			}
		}
	}
	if above > 0 && strict {
		return fmt.Errorf("%d figures are above their limits; -v prints the places", above)
	}
	return nil
}
