// Package sandbox runs an example on this machine. It plays the systems that the example's relay.yaml names (AWS,
// Slack, mail, an OpenID Connect provider, receivers of webhooks), and runs the worker with that file.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/approval-relay/approval-relay/app"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/notify/eventbridge"
	"github.com/approval-relay/approval-relay/notify/slack/slacktest"
	"github.com/approval-relay/approval-relay/signin/signintest"
	"github.com/approval-relay/approval-relay/test/emulator"
)

// Sandbox is a worker with the systems around it. Create it with Start.
type Sandbox struct {
	AWS      *emulator.Server
	Slack    *slacktest.Server
	Provider *signintest.Provider
	Public   string // URL of the public address
	Operator string // URL of the operator address

	example string // path of the example's folder
	work    string // path of a folder for the database and the keys
	config  *config.Config
	people  []string // the approvers that the configuration names
	mail    *mailServer
	posts   *receiver
	request sentRequest

	stop  context.CancelFunc
	ended chan error
}

// Start runs the example in a folder. The worker writes its log to log. The caller closes the sandbox.
func Start(ctx context.Context, example string, log io.Writer) (*Sandbox, error) {
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID":         "sandbox",
		"AWS_SECRET_ACCESS_KEY":     "sandbox",
		"AWS_EC2_METADATA_DISABLED": "true",
	} {
		if err := os.Setenv(name, value); err != nil { // the SDK looks for credentials there
			return nil, err
		}
	}
	s := &Sandbox{example: example}
	if err := s.start(ctx, log); err != nil {
		return nil, errors.Join(fmt.Errorf("start the sandbox of %s: %w", example, err), s.Close())
	}
	return s, nil
}

func (s *Sandbox) start(ctx context.Context, log io.Writer) (err error) {
	if s.work, err = os.MkdirTemp("", "approval-relay-example-"); err != nil {
		return err
	}
	if s.AWS, err = emulator.Start(); err != nil {
		return err
	}
	if s.mail, err = startMailServer(); err != nil {
		return err
	}
	s.Slack = slacktest.StartServer()
	s.Provider = signintest.Start()
	s.posts = startReceiver()
	if s.Public, err = freeURL(); err != nil {
		return err
	}
	if s.Operator, err = freeURL(); err != nil {
		return err
	}
	s.Provider.Redirect = s.Public + "/signin/callback"
	if s.config, err = s.readConfig(); err != nil {
		return err
	}
	s.addPeople()
	s.makeQueues()
	s.makeEventBuses()
	return s.runWorker(ctx, log)
}

// addPeople makes every approver that the configuration names a member of the Slack workspace.
func (s *Sandbox) addPeople() {
	s.people = namedPeople(s.config)
	for i, person := range s.people {
		s.Slack.Users = append(s.Slack.Users, slacktest.User{ID: fmt.Sprintf("U%d", i+1), Email: person})
	}
}

// makeQueues makes the queues that the configuration names.
func (s *Sandbox) makeQueues() {
	for _, w := range s.config.Workflows {
		if w.Requests.SQS != nil {
			s.AWS.SQS.CreateQueue(w.Requests.SQS.Queue)
			s.AWS.SQS.CreateQueue(w.Requests.SQS.DeadLetterQueue)
		}
	}
}

// makeEventBuses makes the event buses that the configuration names.
func (s *Sandbox) makeEventBuses() {
	for _, channel := range s.config.Channels {
		if settings, ok := channel.Settings().(*eventbridge.Settings); ok {
			s.AWS.EventBridge.CreateEventBus(settings.Bus)
		}
	}
}

// runWorker starts the worker and returns when it serves.
func (s *Sandbox) runWorker(ctx context.Context, log io.Writer) error {
	ctx, s.stop = context.WithCancel(ctx)
	worker, err := app.New(ctx, s.config, app.Options{Log: slog.New(slog.NewTextHandler(log, nil)), Stdout: log})
	if err != nil {
		return err
	}
	serving := make(chan struct{})
	s.ended = make(chan error, 1)
	go func() { s.ended <- worker.Run(ctx, func(_, _ net.Addr) { close(serving) }) }()
	select {
	case <-serving:
		return nil
	case err := <-s.ended:
		s.ended <- err
		return errors.New("the worker has ended")
	case <-time.After(30 * time.Second):
		return errors.New("the worker does not start")
	}
}

// Close stops the worker and the systems around it, and removes their files.
func (s *Sandbox) Close() error {
	var errs []error
	if s.stop != nil {
		s.stop()
	}
	if s.ended != nil {
		errs = append(errs, <-s.ended)
	}
	if s.posts != nil {
		s.posts.Close()
		s.Provider.Close()
		s.Slack.Close()
	}
	if s.mail != nil {
		errs = append(errs, s.mail.Close())
	}
	if s.AWS != nil {
		errs = append(errs, s.AWS.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(s.work))...)
}

// filePath returns the path of a file of the example.
func (s *Sandbox) filePath(name string) string { return filepath.Join(s.example, name) }

// freeURL returns the URL of a free port. Links need it before the worker listens.
func freeURL() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return "http://" + l.Addr().String(), l.Close()
}
