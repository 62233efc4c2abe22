// Command bench compares the program with reference points in the same run, and prints a table. RESULTS.md has the last
// results. Its figures are ratios and counts, as medians over rounds; the two sides take turns, so that they do
// not depend on the speed and the load of the machine.
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

// bench is a run of the benchmark.
type bench struct {
	binary      string // path of the program
	dir         string // folder of all databases, except PostgreSQL's
	river       string // folder of the worker on River
	recorded    baseline
	now         baseline
	slowness    float64 // how much longer the yardstick takes than on the machine of the record
	rounds      int
	manyPending int // pending approvals of the section million
	progress    io.Writer

	loop *approvalLoop

	rows        []row
	pendingRows []func(context.Context) error // add rows for measurements that run beside other sections
	cleanups    []func()
}

func (b *bench) addRow(r row) {
	b.rows = append(b.rows, r)
}

// errLimitMissed is returned when a figure misses its limit.
var errLimitMissed = errors.New("a figure misses its limit")

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	if len(args) == 1 && args[0] == neighbourCommand {
		return serveAsNeighbour(os.Stdin, stdout)
	}
	b := &bench{progress: stderr}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&b.binary, "bench.binary", "bin/approval-relay", "path of the built program")
	flags.StringVar(&b.dir, "bench.dir", "", "folder for databases; the default is the system's temporary folder")
	flags.StringVar(&b.river, "bench.river", "test/bench/river", "folder of the worker on River")
	path := flags.String("bench.baseline", "test/bench/baseline.json", "file with the recorded counts")
	record := flags.Bool("bench.record", false, "record the counts of this run: with -bench.run counts, on a quiet machine")
	flags.IntVar(&b.rounds, "bench.rounds", 5, "rounds of each comparison")
	flags.IntVar(&b.manyPending, "bench.million", 1_000_000,
		"number of approvals of the last two sections, whose stores take some minutes and GB of disk; 0 skips them")
	only := flags.String("bench.run", "", "run only the sections that match this expression")
	if err := flags.Parse(args); err != nil {
		return err
	}
	match, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	if b.recorded, err = readBaseline(*path); err != nil && !*record {
		return err
	}
	b.dir, err = os.MkdirTemp(b.dir, "approval-relay-bench-")
	if err != nil {
		return err
	}
	defer func() {
		for _, end := range b.cleanups {
			end()
		}
		_ = os.RemoveAll(b.dir)
	}()
	if err := b.measureSections(ctx, match); err != nil {
		return err
	}
	printTable(stdout, b.rows)
	if *record {
		return b.recordBaseline(*path)
	}
	for _, r := range b.rows {
		if !r.ok && !r.leftOut {
			return errLimitMissed
		}
	}
	return nil
}

func (b *bench) measureSections(ctx context.Context, match *regexp.Regexp) error {
	if err := b.measureSlowness(); err != nil {
		return err
	}
	for _, section := range []struct {
		name    string
		measure func(context.Context) error
	}{
		{"counts", b.measureCounts},
		{"consuming", b.measureConsuming},
		{"calls", b.measureCalls},
		{"store", b.measureStore},
		{"approvals", b.measureApprovals},
		{"latency", b.measureLatency},
		{"heartbeats", b.measureHeartbeats},
		{"concurrency", b.measureConcurrency},
		{"dynamodb", b.measureTable},
		{"postgres", b.measurePostgres},
		{"sizes", b.measureSizes},
		{"million", b.measurePending},
		{"due", b.measureDueStart},
	} {
		if !match.MatchString(section.name) {
			continue
		}
		began := time.Now()
		fmt.Fprintf(b.progress, "%s … ", section.name)
		err := section.measure(ctx)
		if errors.Is(err, errNotInstalled) {
			b.addRow(row{what: section.name, against: "left out: " + err.Error(), leftOut: true})
			err = nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", section.name, err)
		}
		fmt.Fprintln(b.progress, formatDuration(time.Since(began)))
	}
	for _, f := range b.pendingRows {
		if err := f(ctx); err != nil {
			return err
		}
	}
	return nil
}
