// Command goawsd runs goaws, an emulator of SQS and SNS, on a loopback address
// for tests and the demo, and ends when its standard input closes, so that it
// never outlives the test that started it.
//
// It cures what of goaws v0.5.4 would make tests lie or crash:
//   - its handlers read the map of queues without a lock, so requests are
//     served one at a time, and a long poll becomes a series of short ones;
//   - ApproximateReceiveCount stayed 1 and SentTimestamp was the time of the
//     receive: both are counted here;
//   - errors had no type that the SDK knows: QueueDoesNotExist has one now.
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
	listen := flags.String("listen", "127.0.0.1:0", "address to listen on; a loopback one")
	ready := flags.Bool("ready", true, "print the address that is listened on, as one line, when ready")
	if err := flags.Parse(args); err != nil {
		return err
	}
	logrus.SetOutput(io.Discard) // it logs whole messages

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
