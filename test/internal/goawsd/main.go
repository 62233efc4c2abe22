// Command goawsd runs goaws, an emulator of SQS and SNS, on a loopback address for tests. It ends when its standard
// input closes, so that it never outlives the test that started it.
//
// It corrects faults of goaws v0.5.4 that would make tests wrong or crash them:
//   - Its handlers read the map of queues without a lock. So requests are served one at a time here, and a long poll
//     becomes a series of short polls.
//   - ApproximateReceiveCount stays 1 and SentTimestamp is the time of the receive. Both are kept here.
//   - Its errors lack the type that the SDK decodes. QueueDoesNotExist has it here.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/Admiral-Piett/goaws/app/gosqs"
	"github.com/Admiral-Piett/goaws/app/models"
	"github.com/Admiral-Piett/goaws/app/router"
	"github.com/sirupsen/logrus"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "goawsd:", err)
		os.Exit(1)
	}
}

func run(args []string, stdin io.Reader, stdout io.Writer) error {
	flags := flag.NewFlagSet("goawsd", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:0", "loopback address to listen on")
	ready := flags.Bool("ready", true, "print the address as a line when the server is ready")
	if err := flags.Parse(args); err != nil {
		return err
	}
	logrus.SetOutput(io.Discard) // because it logs whole messages

	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return err
	}
	models.CurrentEnvironment = models.Environment{Host: host, Port: port, AccountID: "000000000000"}
	models.CurrentEnvironment.QueueAttributeDefaults.VisibilityTimeout = 30
	models.CurrentEnvironment.QueueAttributeDefaults.MaximumMessageSize = 1 << 20
	go gosqs.PeriodicTasks(100*time.Millisecond, make(chan bool)) // makes messages visible again

	server := &http.Server{Handler: newServer(router.New()), ReadHeaderTimeout: 5 * time.Second}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		stop()
	}()
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if *ready {
		fmt.Fprintln(stdout, l.Addr())
	}
	if err := server.Serve(l); err != http.ErrServerClosed {
		return err
	}
	return nil
}
