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
	"github.com/approval-relay/approval-relay/outbound"
)

// Buttons reads what the buttons of our messages carry. Its error says that one
// is not ours, or too old.
type Buttons interface {
	OpenButton(token string, now time.Time) (approval.Capability, error)
}

// Decider records decisions. An error means that nothing is known to be recorded.
type Decider interface {
	Decide(ctx context.Context, orderID string, d approval.Decision) (approval.Verdict, error)
}

// App is one Slack app, of which several may lead here.
type App struct {
	// Verify says whether a request is from this app.
	Verify func(now time.Time, header http.Header, body []byte) error
	People *Directory
	// Editable says that messages are edited by who sent them; else whoever decides
	// has the message replaced.
	Editable bool
}

// Event is what became of a request, for the metrics.
type Event string

// The events.
const (
	EventPressed Event = "pressed" // a decision was taken, or had been before
	EventRefused Event = "refused" // of somebody, or of something, that may not decide
	EventFailed  Event = "failed"  // the store or Slack could not be reached
)

// InteractionsConfig is what Interactions needs. All must be set.
type InteractionsConfig struct {
	Apps    []App
	Buttons Buttons
	Decider Decider
	Orders  Orders
	// Client posts what only the one who pressed sees.
	Client *http.Client
	// Hosts are those that Slack may tell us to answer at; empty is Slack's own.
	Hosts   []string
	Now     func() time.Time
	Observe func(Event)
	Log     *slog.Logger
}

// Orders is where orders are read.
type Orders interface {
	Get(ctx context.Context, orderID string) (*approval.Order, error)
}

// Interactions takes what is pressed in Slack. It answers when the decision is
// stored, well within the three seconds that Slack waits; what it has to say to
// the one who pressed comes after that.
type Interactions struct {
	InteractionsConfig
	answers sync.WaitGroup
}

// NewInteractions returns the handler of POST /slack/interactions.
func NewInteractions(c InteractionsConfig) *Interactions {
	if len(c.Hosts) == 0 {
		c.Hosts = []string{"hooks.slack.com"}
	}
	return &Interactions{InteractionsConfig: c}
}

// Bounds of a request, and of the time that is spent on it
// (https://docs.slack.dev/interactivity/handling-user-interaction#acknowledgment_response: 3 s).
const (
	maxBody   = 1 << 20
	withinAck = 2500 * time.Millisecond
	afterAck  = 5 * time.Second
)

// Wait returns when what was to be said has been.
func (i *Interactions) Wait() { i.answers.Wait() }

// ServeHTTP implements http.Handler.
func (i *Interactions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), withinAck)
	defer cancel()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "the body could not be read", http.StatusBadRequest)
		return
	}
	app, ok := i.app(r.Header, body)
	if !ok {
		i.Observe(EventRefused)
		http.Error(w, "the signature is missing or not right", http.StatusUnauthorized)
		return
	}
	press, err := read(r.Header.Get("Content-Type"), body)
	if err != nil {
		http.Error(w, "no interaction could be read", http.StatusBadRequest)
		return
	}
	if press == nil { // a link was opened, or it is no message of ours
		w.WriteHeader(http.StatusOK)
		return
	}
	said, err := i.decide(ctx, app, *press)
	if err != nil { // Slack shows that it failed, and it can be pressed again
		i.Observe(EventFailed)
		i.Log.WarnContext(ctx, "slack interaction failed", "error", err)
		http.Error(w, "it could not be stored now; press again", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusOK)
	i.tell(context.WithoutCancel(ctx), press.answerAt, said)
}

// app finds the app that a request is from.
func (i *Interactions) app(header http.Header, body []byte) (App, bool) {
	now := i.Now()
	n := slices.IndexFunc(i.Apps, func(a App) bool { return a.Verify(now, header, body) == nil })
	if n < 0 {
		return App{}, false
	}
	return i.Apps[n], true
}

// press is what somebody pressed.
type press struct {
	outcome          approval.Outcome
	button           string
	user, team, name string
	answerAt         string // URL
}

// read reads an interaction: a form with JSON in its field payload. It is nil for
// what decides nothing.
func read(contentType string, body []byte) (*press, error) {
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
			outcome:  approval.Outcome(a.ActionID),
			button:   a.Value,
			user:     in.User.ID,
			name:     in.User.Name,
			team:     teamOf(in),
			answerAt: in.ResponseURL,
		}, nil
	}
	return nil, nil
}

// teamOf is the workspace of the one who pressed.
func teamOf(in slack.InteractionCallback) string {
	if in.User.TeamID != "" && in.User.TeamID != in.Team.ID {
		return "" // of another workspace: a shared channel
	}
	return in.Team.ID
}

// decide records what was pressed, and returns what is to be said about it. An
// error is for what may pass.
func (i *Interactions) decide(ctx context.Context, app App, p press) (*slack.WebhookMessage, error) {
	c, err := i.Buttons.OpenButton(p.button, i.Now())
	if err != nil {
		i.Observe(EventRefused)
		return aside("This button is no longer good. Nothing was decided."), nil
	}
	by, err := app.People.Approver(ctx, p.user, p.team)
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
		i.Observe(EventRefused)
		return aside("This cannot be decided. Nothing has changed."), nil
	case err != nil:
		return nil, err
	case !verdict.IsAccepted():
		i.Observe(EventRefused)
		return aside(refusal(verdict)), nil
	}
	i.Observe(EventPressed)
	if verdict.Status == approval.Pending {
		return aside("Your decision is recorded. Others must still decide."), nil
	}
	if app.Editable {
		return nil, nil // the message is edited for all
	}
	return i.replacement(ctx, c), nil
}

// Source names this way in, in records and metrics.
const Source = "slack"

// refusal says why a decision did not count.
func refusal(v approval.Verdict) string {
	switch v.Code {
	case approval.VerdictNotApprover:
		return "You are not asked to decide this. Nothing has changed."
	case approval.VerdictRequester:
		return "You requested this yourself, so somebody else must decide it. Nothing has changed."
	case approval.VerdictAssurance:
		return "This takes a surer way than Slack: please open the request and sign in. Nothing has changed."
	case approval.VerdictConflict:
		return "Your decision was not taken: it contradicts what was decided before. Nothing has changed."
	case approval.VerdictLate:
		return "Your decision came too late: this has timed out or was cancelled. Nothing has changed."
	case approval.VerdictSuperseded:
		return "The workflow has asked again: please decide in the newer message. Nothing has changed."
	}
	return "This can no longer be decided here. Nothing has changed."
}

// aside is said to the one who pressed only.
func aside(text string) *slack.WebhookMessage {
	return &slack.WebhookMessage{ResponseType: slack.ResponseTypeEphemeral, Text: text}
}

// replacement is the message as it is from now on, for a webhook's.
func (i *Interactions) replacement(ctx context.Context, c approval.Capability) *slack.WebhookMessage {
	o, err := i.Orders.Get(ctx, c.OrderID)
	if err != nil {
		return nil
	}
	a := o.FindApproval(c.ApprovalID)
	if a == nil {
		return nil
	}
	s := (&Channel{}).says(o.ComposeMessage(a, &approval.Notification{Kind: approval.NotifyOutcome}))
	return &slack.WebhookMessage{Text: s.text, Blocks: &slack.Blocks{BlockSet: s.blocks}, ReplaceOriginal: true}
}

// tell answers at the URL that Slack gave, if it is Slack's. That it was heard is
// worth little: the decision is in the record.
func (i *Interactions) tell(ctx context.Context, at string, said *slack.WebhookMessage) {
	if said == nil {
		return
	}
	u, err := url.Parse(at)
	if err != nil || !slices.Contains(i.Hosts, u.Host) {
		i.Log.WarnContext(ctx, "slack interaction cannot be answered", "error", "the response URL is not Slack's")
		return
	}
	i.answers.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, afterAck)
		defer cancel()
		var progress outbound.Progress
		err := slack.PostWebhookCustomHTTPContext(progress.Observe(ctx), at, i.Client, said)
		if err := judge(ctx, &progress, err); err != nil {
			i.Log.InfoContext(ctx, "slack interaction not answered", "error", err)
		}
	})
}
