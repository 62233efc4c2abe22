package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// errNotConfirmed is the error of a command that somebody was asked about and has not confirmed.
var errNotConfirmed = errors.New("nothing was done")

// confirm asks the person at the terminal. Only the word yes confirms.
func confirm(w *world, question string) error {
	fmt.Fprintf(w.stderr, "%s Type yes to go on: ", question)
	line, err := bufio.NewReader(w.stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the answer: %w", err)
	}
	if errors.Is(err, io.EOF) && line == "" {
		fmt.Fprintln(w.stderr)
	}
	if strings.TrimSpace(line) != "yes" {
		return &statusError{errNotConfirmed, statusUsage}
	}
	return nil
}

// isTerminal reports whether a person is at the other end of a stream.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull) // a character device too: the input of cron and of many pipelines
	return err != nil || !os.SameFile(info, null)
}

// progress tells a person how far a long command is. On a terminal it rewrites its line.
type progress struct {
	out     io.Writer // nil tells nothing
	rewrite bool
	shown   bool
}

func newProgress(w *world, quiet bool) *progress {
	if quiet {
		return &progress{}
	}
	return &progress{out: w.stderr, rewrite: isTerminal(w.stderr)}
}

func (p *progress) show(format string, values ...any) {
	switch {
	case p.out == nil:
	case p.rewrite:
		fmt.Fprintf(p.out, "\r\x1b[K"+format, values...)
		p.shown = true
	default:
		fmt.Fprintf(p.out, format+"\n", values...)
	}
}

// end leaves the line of the progress, so that later output begins on its own.
func (p *progress) end() {
	if p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
