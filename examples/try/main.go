// The command try runs an example on this machine, without AWS and without accounts: go run ./examples/try NAME.
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/examples/internal/sandbox"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./examples/try NAME, in the folder of the repository")
		os.Exit(2)
	}
	if err := run(ctx, filepath.Join("examples", os.Args[1]), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "try:", err)
		os.Exit(1)
	}
}

// run runs an example until its workflow has the answer, and then until the context ends, so that the console can be
// looked at.
func run(ctx context.Context, example string, out io.Writer) (err error) {
	s, err := sandbox.Start(ctx, example, io.Discard)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := s.Close(); err == nil {
			err = closeErr
		}
	}()
	if err := printAddresses(s, example, out); err != nil {
		return err
	}
	if err := s.SendRequest(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, "Sent %s. Open a link and decide. Ctrl-C ends.\n\n", filepath.Join(example, "request.json"))
	printing, stop := context.WithCancel(ctx)
	printed := make(chan struct{})
	go func() { printMessages(printing, s, out); close(printed) }()
	answer, err := s.WaitForAnswer(ctx)
	stop()
	<-printed
	if err != nil {
		return nil // Ctrl-C has ended the context
	}
	if answer.Error != "" {
		fmt.Fprintf(out, "The workflow has its answer, the error %s: %s\n", answer.Error, answer.Output)
	} else {
		fmt.Fprintf(out, "The workflow has its answer: %s\n", answer.Output)
	}
	<-ctx.Done()
	return nil
}

// printAddresses prints where the worker is, and the environment variables for the commands of the example's README.
func printAddresses(s *sandbox.Sandbox, example string, out io.Writer) error {
	variables, err := s.Variables()
	fmt.Fprintf(out, "The worker runs with %s. Set this in another terminal:\n\n", filepath.Join(example, "relay.yaml"))
	fmt.Fprintf(out, "  export APPROVAL_RELAY_URL=%s APPROVAL_RELAY_TOKEN=%s PUBLIC_URL=%s %s\n\n",
		s.Operator, sandbox.OperatorToken(), s.Public, strings.Join(variables, " "))
	fmt.Fprintf(out, "The console, for the same token: %s/console/\n\n", s.Operator)
	return err
}

// printMessages prints every message once, until the context ends. The person who signs in is the approver of the last
// message.
func printMessages(ctx context.Context, s *sandbox.Sandbox, out io.Writer) {
	printed := map[string]bool{}
	for ctx.Err() == nil {
		for _, m := range s.Messages() {
			text := fmt.Sprintf("%s to %s: %s\n  %s\n\n", m.System, cmp.Or(m.To, "all"), m.Title, m.Link)
			if printed[text] {
				continue
			}
			printed[text] = true
			fmt.Fprint(out, text)
			if m.To != "" {
				s.Provider.SignInAs(m.To)
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}
