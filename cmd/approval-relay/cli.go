package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/alecthomas/kong"
)

// cli is the command line. Each command is a struct with a Run method, in the
// file of its name.
type cli struct {
	Run         runCmd         `cmd:"" help:"Run the worker."`
	Demo        demoCmd        `cmd:"" help:"Show the main job on this machine, without AWS."`
	Check       checkCmd       `cmd:"" help:"Check a configuration before it is used, or a worker that runs."`
	Requests    requestsCmd    `cmd:"" help:"List orders."`
	Show        showCmd        `cmd:"" help:"Show one order: what came, who was told, each attempt."`
	Decide      decideCmd      `cmd:"" help:"Decide for an approver, with a reason."`
	Cancel      cancelCmd      `cmd:"" help:"Cancel a pending approval; the workflow is told."`
	Redrive     redriveCmd     `cmd:"" help:"Start again what was given up."`
	Deadletters deadlettersCmd `cmd:"" help:"List messages that were given up."`
	Reload      reloadCmd      `cmd:"" help:"Let a running worker read its configuration file again."`
	Keys        keysCmd        `cmd:"" help:"Make and rotate the keys that seal tokens and sign links."`
	Version     versionCmd     `cmd:"" help:"Print the version."`
}

// world is what a command may touch.
type world struct {
	ctx    context.Context
	getenv func(string) string
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
}

// run is the whole program: it returns the exit status, 0 for done, 1 for
// failed, 2 for a command line that makes no sense.
func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	var c cli
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("approval-relay"),
		kong.Description("Remembers which workflow waits for whom, tells people, collects decisions, and answers the workflow exactly once."),
		kong.Writers(stdout, stderr), kong.Exit(func(status int) { exited = status }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}), kong.UsageOnError(),
	)
	if err != nil {
		panic(err) // the struct above
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 { // help was asked for, and printed
		return exited
	}
	if err != nil {
		fmt.Fprintf(stderr, "approval-relay: %s\n", err)
		return 2
	}
	err = parsed.Run(&world{ctx: ctx, getenv: getenv, stdin: stdin, stdout: stdout, stderr: stderr})
	if err != nil && !errors.Is(err, errSaid) {
		fmt.Fprintf(stderr, "approval-relay: %s\n", err)
	}
	if err != nil {
		return 1
	}
	return 0
}

// errSaid is the error of a command that has said what is wrong.
var errSaid = errors.New("said")
