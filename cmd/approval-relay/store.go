package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/app"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/untrusted"
	"github.com/approval-relay/approval-relay/upkeep"
)

// storeCmd looks after a store that no worker uses.
type storeCmd struct {
	Check   storeCheckCmd   `cmd:"" help:"Check a whole store: every record opens; indexes and counts agree with the records."`
	Stats   storeStatsCmd   `cmd:"" help:"Describe a store: counts, sizes, keys and versions."`
	Compact storeCompactCmd `cmd:"" help:"Write a SQLite file anew, without the space of orders that were removed."`
	Migrate storeMigrateCmd `cmd:"" help:"Move everything from a store to another, empty one: SQLite, PostgreSQL or DynamoDB."`
}

// storeFlags name the store.
type storeFlags struct {
	Store string `arg:"" help:"The SQLite file, or a configuration file that names the store."`
	Keys  string `placeholder:"FILE" help:"The key file. The default is that of the configuration, or approval-relay.keys."`

	outputFlag
}

// defaultKeys is the key file of a store that is named without a configuration.
const defaultKeys = "approval-relay.keys"

// storePlace is a store that a command line names.
type storePlace struct {
	name   string // for messages
	file   string // of SQLite, or ""
	config *config.Config
}

// readPlace finds out whether a text names a SQLite file or a configuration.
func readPlace(w *world, text string) (storePlace, error) {
	f, err := os.Open(text) //nolint:gosec // the operator names it
	if err != nil && text != "-" {
		return storePlace{}, err
	}
	if err == nil {
		const magic = "SQLite format 3\x00"
		head := make([]byte, len(magic))
		_, err := io.ReadFull(f, head)
		_ = f.Close()
		if err == nil && bytes.Equal(head, []byte(magic)) {
			return storePlace{name: text, file: text}, nil
		}
	}
	c, _, err := config.Load(text, w.stdin, w.getenv)
	if err != nil {
		return storePlace{}, err
	}
	return storePlace{name: c.Store.Name(), config: c}, nil
}

// isSameAs reports whether both places are the same table or database.
func (p storePlace) isSameAs(other storePlace) bool {
	return p.config != nil && other.config != nil && p.config.Store.IsSame(&other.config.Store)
}

// isShared reports whether a worker may use the place now. A SQLite file that this command has opened is not in use by
// a worker.
func (p storePlace) isShared() bool { return p.config != nil && p.config.Store.IsShared() }

// loadKeys gets the keys of a place, unless the command line names another key file.
func (p storePlace) loadKeys(w *world, file string) (ring *keys.Ring, err error) {
	if file == "" && p.config != nil {
		ring, err = app.OpenKeys(w.ctx, p.config, storeLog(w))
	} else {
		ring, err = keys.LoadFile(cmp.Or(file, defaultKeys))
	}
	if err != nil {
		return nil, fmt.Errorf("the command opens every record, so it needs the keys of the store (--keys): %w", err)
	}
	return ring, nil
}

func storeLog(w *world) *slog.Logger {
	return slog.New(slog.NewTextHandler(w.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func (p storePlace) open(w *world, ring *keys.Ring, toFill bool) (upkeep.Store, error) {
	if p.file != "" {
		return app.OpenFile(w.ctx, p.file, ring, toFill)
	}
	return app.OpenStore(w.ctx, p.config, ring, toFill, storeLog(w))
}

// use opens the store and closes it after f.
func (c *storeFlags) use(w *world, f func(storePlace, upkeep.Store, *keys.Ring) error) (err error) {
	place, err := readPlace(w, c.Store)
	if err != nil {
		return err
	}
	ring, err := place.loadKeys(w, c.Keys)
	if err != nil {
		return err
	}
	s, err := place.open(w, ring, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return f(place, s, ring)
}

type storeCheckCmd struct {
	storeFlags

	Fix bool `help:"Write what follows from the records anew: columns, indexes and counts. The records stay as they are."`
}

// Run prints each fault as a line. The status is 1 if a fault is left.
func (c *storeCheckCmd) Run(w *world) error {
	return c.use(w, func(place storePlace, s upkeep.Store, _ *keys.Ring) error {
		faults := []store.Fault{}
		left := 0
		err := upkeep.Check(w.ctx, s, c.Fix, func(f store.Fault) {
			faults = append(faults, f)
			if !f.Fixed {
				left++
			}
			if c.Output == "text" {
				fmt.Fprintln(w.stdout, describeFault(f))
			}
		})
		if err != nil {
			return err
		}
		if c.Output == "json" {
			if err := printJSON(w.stdout, map[string]any{"store": place.name, "ok": left == 0, "faults": faults}); err != nil {
				return err
			}
		} else if len(faults) == 0 {
			fmt.Fprintf(w.stdout, "%s is sound\n", place.name)
		}
		if left > 0 {
			return fmt.Errorf("%s of %s left", plural(left, "fault"), place.name)
		}
		return nil
	})
}

// describeFault returns the line of a fault.
func describeFault(f store.Fault) string {
	var line strings.Builder
	if f.Fixed {
		line.WriteString("fixed: ")
	}
	if f.Order != "" {
		fmt.Fprintf(&line, "order %q: ", f.Order)
	}
	line.WriteString(f.Text)
	return untrusted.TerminalLine(line.String())
}

type storeStatsCmd struct{ storeFlags }

// Run prints the description.
func (c *storeStatsCmd) Run(w *world) error {
	return c.use(w, func(place storePlace, s upkeep.Store, ring *keys.Ring) error {
		p := newProgress(w, !isTerminal(w.stderr))
		stats, err := upkeep.ReadStats(w.ctx, s, ring, func(step string, n int) { p.show("%s: %d orders", step, n) })
		p.end()
		if err != nil {
			return err
		}
		if c.Output == "json" {
			return printJSON(w.stdout, stats)
		}
		printStats(w.stdout, place.name, stats)
		return nil
	})
}

func printStats(out io.Writer, name string, s upkeep.Stats) {
	fmt.Fprintf(out, "%s: schema version %d\n", untrusted.TerminalLine(name), s.SchemaVersion)
	fmt.Fprintf(out, "orders: %d, %d unreadable; dead letters: %d\n", s.Orders, s.Unreadable, s.DeadLetters)
	fmt.Fprintf(out, "records: %d bytes, the largest has %d (order %s)\n", s.Bytes, s.Largest, untrusted.TerminalLine(dash(s.LargestOrder)))
	for _, workflow := range slices.Sorted(maps.Keys(s.Approvals)) {
		fmt.Fprintf(out, "workflow %s: %s\n", untrusted.TerminalLine(workflow), listCounts(s.Approvals[workflow]))
	}
	if len(s.Attention) > 0 {
		fmt.Fprintf(out, "need attention: %s\n", listCounts(s.Attention))
	}
	f := outputFlags{}
	fmt.Fprintf(out, "oldest pending: %s; newest event: %s\n", f.moment(s.OldestPending), f.moment(s.Newest))
	fmt.Fprintf(out, "keys: %s\n", dash(strings.Join(s.KeyIDs, ", ")))
	fmt.Fprintf(out, "records by version (v of their readers, w of their writer): %s\n", listCounts(s.Records))
}

func listCounts[K ~string](counts map[K]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[name], name))
	}
	return dash(strings.Join(parts, ", "))
}

type storeMigrateCmd struct {
	From        string `required:"" placeholder:"FILE|CONFIG" help:"The store to move: a SQLite file, or a configuration that names it."`
	To          string `required:"" placeholder:"CONFIG" help:"The configuration that names the new, empty store, and the old key file."`
	Live        bool   `help:"Workers use the old store, a database or table, until the end. For some seconds, they refuse decisions for now."`
	SkipDamaged bool   `help:"Leave out orders and dead letters that cannot be read. Without this flag, nothing is moved if there is one."`

	outputFlag
}

// Run moves the store and prints what was moved.
func (c *storeMigrateCmd) Run(w *world) (err error) {
	from, err := readPlace(w, c.From)
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	if c.Live && !from.isShared() {
		return errors.New("--live: a SQLite file can only be moved while no worker uses it")
	}
	to, err := readPlace(w, c.To)
	if err == nil && to.config == nil {
		err = errors.New("is a SQLite file: name the configuration file of the new worker")
	}
	if err == nil && from.isSameAs(to) {
		err = fmt.Errorf("is %s, the store to move: name another one", to.name)
	}
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	ring, err := to.loadKeys(w, "")
	if err != nil {
		return fmt.Errorf("%w: the new worker needs the keys of the old one", err)
	}
	source, err := from.open(w, ring, false)
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	target, err := to.open(w, ring, true)
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	m := upkeep.Migration{
		From:     source,
		To:       target,
		ToName:   to.name,
		Sealer:   ring,
		KeyID:    ring.PrimaryID(),
		SkipLost: c.SkipDamaged,
	}
	times := app.LiveTimes()
	if c.Live {
		m.Live = times
	}
	if from.isShared() {
		m.Trust = times.Trust
	}
	return c.move(w, from, to, m)
}

func (c *storeMigrateCmd) move(w *world, from, to storePlace, m upkeep.Migration) error {
	p := newProgress(w, false)
	m.Progress = func(step string, n int) {
		if n == 0 {
			p.show("%s", step)
			return
		}
		p.show("%s: %d orders", step, n)
	}
	m.Report = func(f store.Fault) { fmt.Fprintln(w.stderr, describeFault(f)) }
	moved, err := m.Run(w.ctx)
	p.end()
	if err != nil {
		return fmt.Errorf("move %s to %s: %w", from.name, to.name, err)
	}
	if c.Output == "json" {
		answer := migrationAnswer{moved, moved.ReadOnly.Seconds()}
		if err := printJSON(w.stdout, answer); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(w.stdout, "moved %s to %s; both have:\n", from.name, to.name)
		fmt.Fprintf(w.stdout, "  %s, digest %s\n", plural(moved.Orders, "order"), moved.Digest)
		fmt.Fprintf(w.stdout, "  %s, digest %s\n", plural(moved.DeadLetters, "dead letter"), moved.LetterDigest)
		fmt.Fprintf(w.stdout, "  %s\n", plural(moved.Controls, "control"))
		if c.Live {
			fmt.Fprintf(w.stdout, "%s was read-only for %s\n", from.name, moved.ReadOnly.Round(time.Second/10))
		}
		if moved.Lost > 0 {
			fmt.Fprintf(w.stdout, "left out: %d that cannot be read\n", moved.Lost)
		}
	}
	fmt.Fprintf(w.stderr, "start the new worker; no worker starts on %s again\n", from.name)
	return nil
}

// migrationAnswer is the answer of store migrate in JSON.
type migrationAnswer struct {
	upkeep.Moved

	ReadOnlySeconds float64 `json:"readOnlySeconds"`
}
