// Command bench measures the program against what stands next to it in the same
// run, and prints one table: see RESULTS.md for what it said last. Figures are
// ratios and counts, medians over rounds in which the sides take turns, so that
// a slower or busier machine says the same.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one run.
type bench struct {
	binary   string // of the program
	dir      string // where databases are; all on one disk
	baseline string
	rounds   int
	million  int // how many pending approvals are many
	progress io.Writer

	loop *loop

	rows  []row
	later []func(context.Context) error // what was begun, and ends while others run
	ends  []func()
}

func (b *bench) add(r row) { b.rows = append(b.rows, r) }

// errMissed says that the table has a NO.
var errMissed = errors.New("not everything is reached")

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	if len(args) == 1 && args[0] == neighbourCommand {
		return beNeighbour(os.Stdin, stdout)
	}
	b := &bench{progress: stderr}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&b.binary, "bench.binary", "bin/approval-relay", "the program, built")
	flags.StringVar(&b.dir, "bench.dir", "", "where databases are made; else in the system's temporary directory")
	flags.StringVar(&b.baseline, "bench.baseline", "test/bench/baseline.json", "allocations that were recorded; written where there is none")
	flags.IntVar(&b.rounds, "bench.rounds", 5, "rounds of each comparison")
	flags.IntVar(&b.million, "bench.million", 1_000_000, "how many pending approvals are many: some minutes and 4 GB of disk; 0 leaves it out")
	only := flags.String("bench.run", "", "only the sections that match")
	if err := flags.Parse(args); err != nil {
		return err
	}
	match, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	b.dir, err = os.MkdirTemp(b.dir, "approval-relay-bench-")
	if err != nil {
		return err
	}
	defer func() {
		for _, end := range b.ends {
			end()
		}
		_ = os.RemoveAll(b.dir)
	}()
	if err := b.measure(ctx, match); err != nil {
		return err
	}
	printTable(stdout, b.rows)
	for _, r := range b.rows {
		if !r.ok {
			return errMissed
		}
	}
	return nil
}

func (b *bench) measure(ctx context.Context, match *regexp.Regexp) error {
	for _, section := range []struct {
		name    string
		measure func(context.Context) error
	}{
		{"consuming", b.measureConsuming},
		{"calls", b.measureCalls},
		{"store", b.measureStore},
		{"approvals", b.measureApprovals},
		{"latency", b.measureLatency},
		{"million", b.measureMillion},
	} {
		if !match.MatchString(section.name) {
			continue
		}
		began := time.Now()
		fmt.Fprintf(b.progress, "%s … ", section.name)
		if err := section.measure(ctx); err != nil {
			return fmt.Errorf("%s: %w", section.name, err)
		}
		fmt.Fprintln(b.progress, took(time.Since(began)))
	}
	for _, f := range b.later {
		if err := f(ctx); err != nil {
			return err
		}
	}
	return nil
}
