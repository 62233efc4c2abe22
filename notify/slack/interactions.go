package slack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/webhook"
)

// Buttons opens the values of the buttons in our messages. The error means that a button is forged or too old.
type Buttons interface {
	OpenButton(token string, now time.Time) (approval.Capability, error)
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

// InteractionsConfig configures Interactions. All fields must be set, except for Hosts and Refusals.
type InteractionsConfig struct {
	Apps    []App
	Buttons Buttons
	Decider Decider
	Orders  Orders
	// Client posts the replies to the person who pressed.
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

// Interactions handles the presses of buttons in Slack. It responds when the decision is stored, well within the three
// seconds for which Slack waits, and then replies to the person who pressed.
type Interactions struct {
	InteractionsConfig
	replies sync.WaitGroup
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
	maxBody      = 64 << 10                // a press has some 5 kB
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
	press, err := parsePress(body)
	if err != nil {
		i.refuse(ctx, w, http.StatusBadRequest, err)
		return
	}
	if press == nil { // a link was opened, or the message is not ours
		w.WriteHeader(http.StatusOK)
		return
	}
	app := chooseApp(ctx, apps, press.presser)
	reply, err := i.recordDecision(ctx, app, *press)
	if err != nil { // Slack shows the failure, and the button can be pressed again
		i.Observer.SlackInteractionFailed()
		i.Log.WarnContext(ctx, "slack interaction failed", "error", err)
		http.Error(w, "it could not be stored now; press again", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusOK)
	i.sendReply(context.WithoutCancel(ctx), press.responseURL, reply)
}

// findApps returns the apps that may have sent a request: those whose secret has signed it. An app that is installed in
// several workspaces is there several times.
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

// chooseApp returns the app of the workspace or organisation in which the button was pressed.
func chooseApp(ctx context.Context, apps []App, p Presser) App {
	if len(apps) == 1 {
		return apps[0]
	}
	n := slices.IndexFunc(apps, func(a App) bool { return a.Directory.serves(ctx, p) })
	return apps[max(n, 0)]
}

// recordDecision records the decision, and returns the reply, or nil if there is none. An error is temporary.
func (i *Interactions) recordDecision(ctx context.Context, app App, p press) (*slack.WebhookMessage, error) {
	c, err := i.openButton(ctx, p.button)
	if err != nil {
		return i.refusePress(ctx, p, badButton(err)), nil
	}
	identity, err := app.Directory.FindApprover(ctx, p.presser)
	if why, ok := errors.AsType[*refusal.Error](err); ok {
		return i.refusePress(ctx, p, why), nil
	}
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(c.ApprovalID + "\x00" + p.presser.User + "\x00" + string(p.outcome)))
	verdict, err := i.Decider.Decide(ctx, c.OrderID, approval.Decision{
		ID:         "slack-" + hex.EncodeToString(sum[:8]),
		ApprovalID: c.ApprovalID,
		Outcome:    p.outcome,
		By:         identity.Approver,
		Via:        approval.ViaChat,
		Source:     Source,
	})
	switch {
	case err != nil && approval.IsPermanent(err):
		return i.refusePress(ctx, p, notCounted("This cannot be decided. Nothing has changed.", "it is not valid")), nil
	case err != nil:
		return nil, err
	case !verdict.IsAccepted():
		why := notCounted(refusalReason(verdict), string(verdict.Code))
		if verdict.Code == approval.VerdictNotApprover && identity.Doubt != nil {
			why = identity.Doubt
		}
		return i.refusePress(ctx, p, why), nil
	}
	i.Observer.SlackInteractionAccepted()
	if verdict.Status == approval.Pending {
		return privateReply("Your decision is recorded. Others must still decide."), nil
	}
	if app.EditsMessages {
		return nil, nil // the channel edits the message for everybody
	}
	return i.newOutcomeMessage(ctx, c), nil
}

// Source is the name of this source of decisions in records and metrics.
const Source = refusal.SourceSlack

// newOutcomeMessage returns the message with the outcome, to replace a message of a webhook.
func (i *Interactions) newOutcomeMessage(ctx context.Context, c approval.Capability) *slack.WebhookMessage {
	o, err := i.Orders.Get(ctx, c.OrderID)
	if err != nil {
		return nil
	}
	a := o.FindApproval(c.ApprovalID)
	if a == nil {
		return nil
	}
	rendered := (&Channel{}).renderMessage(o.ComposeMessage(a, &approval.Notification{Kind: approval.NotifyOutcome}))
	return &slack.WebhookMessage{
		Text:            rendered.text,
		Blocks:          &slack.Blocks{BlockSet: rendered.blocks},
		ReplaceOriginal: true,
	}
}

// sendReply posts the reply to the response URL, if that is a URL of Slack. A failure is only logged: the decision is
// stored.
func (i *Interactions) sendReply(ctx context.Context, responseURL string, reply *slack.WebhookMessage) {
	if reply == nil {
		return
	}
	u, err := url.Parse(responseURL)
	if err != nil || !slices.Contains(i.Hosts, u.Host) {
		i.Log.WarnContext(ctx, "slack response URL refused", "error", "its host is not a host of Slack")
		return
	}
	i.replies.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, replyTimeout)
		defer cancel()
		var progress outbound.Progress
		err := slack.PostWebhookCustomHTTPContext(progress.ObserveRequest(ctx), responseURL, i.Client, reply)
		if err := judgeError(ctx, &progress, err); err != nil {
			i.Log.InfoContext(ctx, "slack reply failed", "error", err)
		}
	})
}
