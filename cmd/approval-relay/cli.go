package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/alecthomas/kong"
)

// cli is the command line. Each command is a struct with a Run method, in the file of its name.
type cli struct {
	Run         runCmd         `cmd:"" help:"Run the worker."`
	Demo        demoCmd        `cmd:"" help:"Show the main job on this machine, without AWS."`
	Check       checkCmd       `cmd:"" help:"Check a configuration file, or a running worker."`
	Config      configCmd      `cmd:"" help:"Write a configuration file: start one, show its effective values, print its schema."`
	Ask         askCmd         `cmd:"" help:"Send a request, as a workflow does."`
	Requests    requestsCmd    `cmd:"" help:"List orders."`
	Export      exportCmd      `cmd:"" help:"Write all selected approvals as CSV or JSON lines, for an audit."`
	Show        showCmd        `cmd:"" help:"Show an order: requests, notifications, decisions and attempts."`
	Decide      decideCmd      `cmd:"" help:"Decide in the name of an operator, with a reason."`
	Cancel      cancelCmd      `cmd:"" help:"Cancel a pending approval; the workflow gets an answer."`
	Confirm     confirmCmd     `cmd:"" help:"Confirm the act of another operator, where acts need two operators."`
	Dismiss     dismissCmd     `cmd:"" help:"Put away an approval that is exhausted, unanswered or undeliverable and cannot be mended: lists and alerts leave it out."`
	Remind      remindCmd      `cmd:"" help:"Remind the approvers of a pending approval now."`
	Approvers   approversCmd   `cmd:"" help:"Ask further approvers, or somebody else in the place of one."`
	Extend      extendCmd      `cmd:"" help:"Extend the deadline of a pending approval."`
	Receipt     receiptCmd     `cmd:"" help:"Print the signed receipt of a closed approval."`
	Verify      verifyCmd      `cmd:"" help:"Verify a receipt with a public key, and compare the payload; offline."`
	Redrive     redriveCmd     `cmd:"" help:"Start exhausted callbacks and dead letters again."`
	Deadletters deadlettersCmd `cmd:"" help:"List dead letters: messages that could not be handled."`

	DismissLetters dismissLettersCmd `cmd:"" help:"Remove dead letters that can never be handled, for good."`
	Refused        refusedCmd        `cmd:"" help:"List what a worker has refused lately, with the reasons."`
	Drain          drainCmd          `cmd:"" help:"Take no new requests of a workflow, or of all; what is pending goes on."`
	Pause          pauseCmd          `cmd:"" help:"Drain, and hold notifications and answers too; decisions are still taken."`
	ReadOnly       readOnlyCmd       `cmd:"" help:"Change nothing in the store for some minutes: also refuse decisions for now."`
	Resume         resumeCmd         `cmd:"" help:"End what drain, pause or read-only has begun."`
	Controls       controlsCmd       `cmd:"" help:"List what is drained or paused."`
	Reload         reloadCmd         `cmd:"" help:"Let a running worker read its configuration file again."`
	Backup         backupCmd         `cmd:"" help:"Copy the store of a running worker, and verify the copy."`
	Restore        restoreCmd        `cmd:"" help:"Verify a copy with its keys, and put it in the place of a store."`
	Store          storeCmd          `cmd:"" help:"Check, describe or move a store whose workers are stopped."`
	Keys           keysCmd           `cmd:"" help:"Make and rotate the keys that seal tokens and sign links."`
	Contexts       contextsCmd       `cmd:"" help:"List the workers of the client configuration, and choose one."`
	Completion     completionCmd     `cmd:"" help:"Print the script that completes commands in a shell."`
	Complete       completeCmd       `cmd:"" hidden:"" help:"Print the completions of a command line, for that script."`
	Version        versionCmd        `cmd:"" help:"Print the version."`

	ShowVersion kong.VersionFlag `name:"version" help:"Print the version."`
}

// world is the environment of a command: its context, environment variables and streams.
type world struct {
	ctx    context.Context
	getenv func(string) string
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
}

// run is the whole program. It returns the exit status: see status.go.
func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	var c cli
	exited := -1
	w := &world{ctx: ctx, getenv: getenv, stdin: stdin, stdout: stdout, stderr: stderr}
	parser, err := kong.New(&c,
		kong.Name("approval-relay"),
		kong.Description("Stores approval requests of waiting workflows, notifies approvers, collects their decisions, and "+
			"answers each workflow exactly once."),
		kong.Writers(stdout, stderr), kong.Exit(func(status int) { exited = status }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}), kong.UsageOnError(),
		kong.Bind(w), kong.Vars{"version": versionText()},
	)
	if err != nil {
		panic(err) // the struct above
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	if args[0] == "help" { // as git and kubectl have it
		args = append(args[1:], "--help")
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 { // help was asked for, and printed
		return exited
	}
	if err != nil {
		fmt.Fprintf(stderr, "approval-relay: %s\n", err)
		return 2
	}
	err = parsed.Run(w)
	if err != nil && !errors.Is(err, errReported) {
		fmt.Fprintf(stderr, "approval-relay: %s\n", err)
	}
	return exitStatus(err)
}

// errReported is the error of a command that has printed the reason already.
var errReported = errors.New("said")
