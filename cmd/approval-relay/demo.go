package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/app"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/test/emulator"
)

// demoCmd shows the main job with the real parts: a request in an SQS queue, a link, a click, and the answer to Step
// Functions. An emulator in this process stands in for AWS.
type demoCmd struct {
	Auto bool          `help:"Click the link automatically."`
	Wait time.Duration `default:"10m" help:"Time to wait for the click."`
	Log  bool          `help:"Show the worker's log too, on the standard error."`
}

// Run runs the demo.
func (d *demoCmd) Run(w *world) error {
	dir, err := os.MkdirTemp("", "approval-relay-demo-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	aws, err := emulator.Start()
	if err != nil {
		return err
	}
	defer func() { _ = aws.Close() }()
	aws.SQS.CreateQueue(demoQueue)

	public, err := findFreeAddress()
	if err != nil {
		return err
	}
	conf, err := demoConfig(dir, aws.URL(), public, w)
	if err != nil {
		return err
	}
	log := io.Discard
	if d.Log {
		log = w.stderr
	}
	ctx, cancel := context.WithTimeout(w.ctx, d.Wait)
	defer cancel()
	shown := &watcher{out: w.stdout, links: make(chan string, 1)}
	serving, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	started := make(chan string, 1)
	go func() {
		logger, _ := newLogger(conf.Log, log)
		ended <- serve(serving, conf, app.Options{Log: logger, Stdout: shown}, func(_, operator net.Addr) { started <- operator.String() })
	}()
	defer stop()
	select {
	case err := <-ended:
		return fmt.Errorf("the worker did not start: %w", err)
	case operator := <-started:
		err = d.show(ctx, w, aws, shown, client{URL: "http://" + operator, TokenFile: conf.Operator.TokenFile})
	}
	stop()
	return errors.Join(err, <-ended)
}

const (
	demoQueue = "approval-requests"
	demoOrder = "A-1001"
)

// show tells the story.
func (d *demoCmd) show(ctx context.Context, w *world, aws *emulator.Server, shown *watcher, c client) error {
	token := aws.StepFunctions.OpenTask(24*time.Hour, 0)
	body := demoRequest(token, time.Now())
	fmt.Fprintf(w.stdout, "1. A workflow waits. Its state put this on the SQS queue %q:\n     %s\n\n",
		demoQueue, strings.ReplaceAll(strings.Replace(body, token, "AQC…", 1), "\n", "\n     "))
	aws.SQS.PutMessage(demoQueue, body, nil)

	operator, err := c.readToken()
	if err != nil {
		return err
	}
	fmt.Fprintf(w.stdout,
		"   The operator's console shows all that follows: %s/console/\n   Sign in with this demo's token: %s\n\n", c.URL, operator)
	fmt.Fprintf(w.stdout, "2. The relay recorded it and notifies the approver (channel: log):\n")
	var link string
	select {
	case link = <-shown.links:
	case <-ctx.Done():
		return errors.New("no link was printed in time")
	}
	if d.Auto {
		if err := approveByLink(ctx, link); err != nil {
			return fmt.Errorf("click the link: %w", err)
		}
		fmt.Fprintf(w.stdout, "\n3. The demo opened the link and chose \"Approve up to a limit\": 1000 EUR.\n")
	} else {
		fmt.Fprintf(w.stdout, "\n3. Open the link and decide: approve, approve up to a limit, reject, or send back.\n"+
			"   The page speaks the language of your browser. (Waiting; Ctrl-C ends.)\n")
	}
	task, err := aws.StepFunctions.WaitForTask(ctx, token)
	if err != nil {
		return errors.New("nobody decided in time")
	}
	fmt.Fprintf(w.stdout, "\n4. Step Functions got the answer, once:\n     task %s", task.State)
	if task.Error != "" {
		fmt.Fprintf(w.stdout, ", error %s", task.Error)
	}
	fmt.Fprintf(w.stdout, "\n     %s\n", shortenReceipt(task.Output+task.Cause))
	fmt.Fprintf(w.stdout, "   The receipt in it proves the decision, also without the relay (docs/receipts.md).\n\n")
	fmt.Fprintf(w.stdout, "5. The order's timeline:\n")
	if err := printDelivered(ctx, w, c); err != nil || d.Auto || !isTerminal(w.stdout) {
		return err
	}
	fmt.Fprintf(w.stdout, "\n   The console shows it too. (Ctrl-C ends.)\n")
	<-ctx.Done()
	return nil
}

// printDelivered prints the timeline when the end of the callback is recorded: a moment after the workflow has the answer.
func printDelivered(ctx context.Context, w *world, c client) error {
	var o api.Order
	for range 100 {
		if err := c.call(ctx, "GET", orderPath(demoOrder, ""), nil, &o); err != nil {
			return err
		}
		if len(o.Approvals) == 1 && o.Approvals[0].Callback.State == api.CallbackDelivered {
			return newOrderPrinter(w, &c.outputFlags, time.Now()).print(&o)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return errors.New("the callback was not recorded as delivered")
}

func demoConfig(dir, endpoint, public string, w *world) (*config.Config, error) {
	text := fmt.Sprintf(`
public: {listen: %q, url: "http://%s"}
operator: {listen: "127.0.0.1:0", token_file: %q}
store: {sqlite: %q}
keys: {file: %q}
aws: {region: us-east-1, endpoint: %q}
`, public, public, filepath.Join(dir, "token"), filepath.Join(dir, "relay.db"), filepath.Join(dir, "keys"), endpoint) + demoWorkflow
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "demo", "AWS_SECRET_ACCESS_KEY": "a-secret-for-the-demo",
		"AWS_EC2_METADATA_DISABLED": "true"} {
		if err := os.Setenv(name, value); err != nil { // where the SDK looks
			return nil, err
		}
	}
	conf, _, err := config.Parse("(demo)", []byte(text), w.getenv)
	return conf, err
}

// findFreeAddress finds a port for the links, which must be known before the server listens.
func findFreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// watcher passes on the output of the log channel, and finds the link in it.
type watcher struct {
	out   io.Writer
	links chan string
	mu    sync.Mutex
}

var linkForm = regexp.MustCompile(`https?://[^\s]+/a/[^\s]+`)

// Write implements io.Writer.
func (w *watcher) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for line := range strings.SplitSeq(strings.TrimRight(string(p), "\n"), "\n") {
		fmt.Fprintf(w.out, "     %s\n", line)
	}
	if link := linkForm.FindString(string(p)); link != "" {
		select {
		case w.links <- link:
		default:
		}
	}
	return len(p), nil
}
