package slack

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/language"
	"github.com/approval-relay/approval-relay/organisation"
	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/webhook"
)

// Buttons opens and makes the values of the buttons in our messages, and makes links to the page. An error means that a
// button is forged or too old.
type Buttons interface {
	OpenButton(token string, now time.Time) (approval.Capability, error)
	ButtonToken(c approval.Capability) string
	URL(c approval.Capability) string
}

// Decider records decisions. An error means that the decision may not have been recorded.
type Decider interface {
	Decide(ctx context.Context, orderID string, d approval.Decision) (approval.Verdict, error)
}

// App is a Slack app that sends its interactions here. There may be several.
type App struct {
	// Verify returns nil if a request is from this app.
	Verify    func(now time.Time, r webhook.Request) error
	Directory *Directory
	// Open opens a modal, as Channel.OpenModal does. It is nil without a bot token: an incoming webhook has no modals.
	Open func(ctx context.Context, trigger string, view slack.ModalViewRequest) error
	// EditsMessages reports whether the channel edits its messages when the approval closes. If not, the response to the
	// deciding press replaces the message.
	EditsMessages bool
}

// Observer counts the presses of buttons, for the metrics.
type Observer interface {
	// SlackInteractionAccepted is called when a decision was accepted, or had been accepted before.
	SlackInteractionAccepted()
	// SlackInteractionRefused is called when the request is not from Slack, or its sender may not decide.
	SlackInteractionRefused()
	// SlackInteractionFailed is called when the store or Slack could not be reached.
	SlackInteractionFailed()
}

// InteractionsConfig configures Interactions. All fields must be set, except for Hosts, Language, Organisation and Refusals.
type InteractionsConfig struct {
	Apps    []App
	Buttons Buttons
	Decider Decider
	Orders  Orders
	// Language returns the language of a person, or of a workflow if the person is not known. Nil means English.
	Language func(approver, workflow string) language.Tag
	// Organisation is the organisation that asks. It may be empty.
	Organisation organisation.Organisation
	// Client posts the replies to the presser.
	Client *http.Client
	// Hosts lists the hosts of response URLs that get replies; empty means hooks.slack.com.
	Hosts    []string
	Now      func() time.Time
	Observer Observer
	Log      *slog.Logger
	// Refusals records the requests and presses that are refused; nil records nothing.
	Refusals refusal.Recorder
}

// Orders reads orders.
type Orders interface {
	Get(ctx context.Context, orderID string) (*approval.Order, error)
}

// Interactions handles the presses of buttons and the forms in Slack. It responds when the decision is stored or the modal
// is open, within the three seconds for which Slack waits, and then replies to the presser.
type Interactions struct {
	InteractionsConfig
	replies sync.WaitGroup
	turns   turns
}

// NewInteractions returns the handler of POST /slack/interactions.
func NewInteractions(c InteractionsConfig) *Interactions {
	if len(c.Hosts) == 0 {
		c.Hosts = []string{"hooks.slack.com"}
	}
	c.Refusals = refusal.OrDiscard(c.Refusals)
	return &Interactions{InteractionsConfig: c}
}

// Bounds of a request and of the time for it
// (https://docs.slack.dev/interactivity/handling-user-interaction#acknowledgment_response: 3 s).
const (
	maxBody      = 512 << 10               // a press has some 10 kB; a modal of 250 kB is sent back whole
	ackTimeout   = 2500 * time.Millisecond // before the response
	replyTimeout = 5 * time.Second         // after the response
)

// Wait blocks until all pending replies to Slack have been sent.
func (i *Interactions) Wait() { i.replies.Wait() }

// ServeHTTP implements http.Handler.
func (i *Interactions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), ackTimeout)
	defer cancel()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		i.refuse(ctx, w, bodyStatus(err), unread(err))
		return
	}
	apps, err := i.findApps(r.Header, body)
	if err != nil {
		i.refuse(ctx, w, http.StatusUnauthorized, err)
		return
	}
	press, submission, err := parseInteraction(body)
	if err != nil {
		i.refuse(ctx, w, http.StatusBadRequest, err)
		return
	}
	switch {
	case press != nil:
		app := chooseApp(ctx, apps, press.presser)
		reply, err := i.answerPress(ctx, app, *press)
		if err != nil {
			i.fail(ctx, w, err)
			return
		}
		w.WriteHeader(http.StatusOK)
		i.sendReply(context.WithoutCancel(ctx), press.responseURL, reply)
	case submission != nil:
		app := chooseApp(ctx, apps, submission.presser)
		response, err := i.answerSubmission(ctx, app, *submission)
		if err != nil {
			i.fail(ctx, w, err)
			return
		}
		writeResponse(w, response)
	default: // a link was opened, or the message is not ours
		w.WriteHeader(http.StatusOK)
	}
}

// fail answers an interaction that could not be handled now. Slack shows the failure, and the person can press again.
func (i *Interactions) fail(ctx context.Context, w http.ResponseWriter, err error) {
	i.Observer.SlackInteractionFailed()
	i.Log.WarnContext(ctx, "slack interaction failed", "error", err)
	http.Error(w, "it could not be stored now; press again", http.StatusServiceUnavailable)
}

// findApps returns the apps that may have sent a request, because their secret has signed it. An app that is installed in
// several workspaces is listed several times.
func (i *Interactions) findApps(header http.Header, body []byte) ([]App, error) {
	var apps []App
	var failed error
	for _, app := range i.Apps {
		err := app.Verify(i.Now(), webhook.Request{Header: header, Body: body})
		if err == nil {
			apps = append(apps, app)
		} else if failed == nil {
			failed = err
		}
	}
	if len(apps) == 0 {
		return nil, unsigned(failed)
	}
	return apps, nil
}

// chooseApp returns the app of the presser's workspace or organisation.
func chooseApp(ctx context.Context, apps []App, p Presser) App {
	if len(apps) == 1 {
		return apps[0]
	}
	n := slices.IndexFunc(apps, func(a App) bool { return a.Directory.serves(ctx, p) })
	return apps[max(n, 0)]
}

// Source is the name of this source of decisions in records and metrics.
const Source = refusal.SourceSlack
