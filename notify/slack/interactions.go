package slack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/inbound"
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
		http.Error(w, "the body could not be read", bodyStatus(err))
		return
	}
	app, ok := i.findApp(r.Header, body)
	if !ok {
		i.Observer.SlackInteractionRefused()
		http.Error(w, "the signature is missing or not right", http.StatusUnauthorized)
		return
	}
	press, err := parsePress(r.Header.Get("Content-Type"), body)
	if err != nil {
		http.Error(w, "no interaction could be read", http.StatusBadRequest)
		return
	}
	if press == nil { // a link was opened, or the message is not ours
		w.WriteHeader(http.StatusOK)
		return
	}
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

// bodyStatus returns the status for a body that could not be read.
func bodyStatus(err error) int {
	_, large := errors.AsType[*http.MaxBytesError](err)
	switch {
	case large:
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, inbound.ErrBusy):
		return http.StatusServiceUnavailable
	case errors.Is(err, inbound.ErrSlow):
		return http.StatusRequestTimeout
	}
	return http.StatusBadRequest
}

// findApp returns the app that sent a request.
func (i *Interactions) findApp(header http.Header, body []byte) (App, bool) {
	now := i.Now()
	n := slices.IndexFunc(i.Apps, func(a App) bool { return a.Verify(now, webhook.Request{Header: header, Body: body}) == nil })
	if n < 0 {
		return App{}, false
	}
	return i.Apps[n], true
}

// press is the press of a button.
type press struct {
	outcome     approval.Outcome
	button      string // its value
	user        string // ID
	team        string // ID of the user's workspace; empty if it is not the workspace of the message
	responseURL string
}

// parsePress parses an interaction: a form with JSON in the field payload. It returns nil for an interaction that is not
// the press of a deciding button.
func parsePress(contentType string, body []byte) (*press, error) {
	if kind, _, err := mime.ParseMediaType(contentType); err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, errors.New("not a form")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || len(form["payload"]) != 1 {
		return nil, errors.New("no payload")
	}
	var in slack.InteractionCallback
	if err := json.Unmarshal([]byte(form.Get("payload")), &in); err != nil {
		return nil, errors.New("payload is no JSON of an interaction")
	}
	if in.Type != slack.InteractionTypeBlockActions {
		return nil, nil
	}
	for _, a := range in.ActionCallback.BlockActions {
		if a == nil || (a.ActionID != actionApprove && a.ActionID != actionReject) {
			continue
		}
		return &press{
			outcome:     approval.Outcome(a.ActionID),
			button:      a.Value,
			user:        in.User.ID,
			team:        teamOf(in),
			responseURL: in.ResponseURL,
		}, nil
	}
	return nil, nil
}

// teamOf returns the workspace of the person who pressed.
func teamOf(in slack.InteractionCallback) string {
	if in.User.TeamID != "" && in.User.TeamID != in.Team.ID {
		return "" // a person of another workspace, in a shared channel
	}
	return in.Team.ID
}

// recordDecision records the decision, and returns the reply, or nil if there is none. An error is temporary.
func (i *Interactions) recordDecision(ctx context.Context, app App, p press) (*slack.WebhookMessage, error) {
	c, err := i.Buttons.OpenButton(p.button, i.Now())
	if err != nil {
		i.Observer.SlackInteractionRefused()
		return privateReply("This button is no longer valid. Nothing was decided."), nil
	}
	by, err := app.Directory.FindApprover(ctx, p.user, p.team)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(c.ApprovalID + "\x00" + p.user + "\x00" + string(p.outcome)))
	verdict, err := i.Decider.Decide(ctx, c.OrderID, approval.Decision{
		ID:         "slack-" + hex.EncodeToString(sum[:8]),
		ApprovalID: c.ApprovalID,
		Outcome:    p.outcome,
		By:         by,
		Via:        approval.ViaChat,
		Source:     Source,
	})
	switch {
	case err != nil && approval.IsPermanent(err):
		i.Observer.SlackInteractionRefused()
		return privateReply("This cannot be decided. Nothing has changed."), nil
	case err != nil:
		return nil, err
	case !verdict.IsAccepted():
		i.Observer.SlackInteractionRefused()
		return privateReply(refusalReason(verdict)), nil
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
const Source = "slack"

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
