package teams

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/inbound"
	"github.com/approval-relay/approval-relay/refusal"
)

// Buttons opens and makes the tokens of the buttons in our cards, and makes links to the page. An error means that a button
// is forged or too old.
type Buttons interface {
	OpenButton(token string, now time.Time) (approval.Capability, error)
	ButtonToken(c approval.Capability) string
	URL(c approval.Capability) string
}

// Decider records decisions. An error means that the decision may not have been recorded.
type Decider interface {
	Decide(ctx context.Context, orderID string, d approval.Decision) (approval.Verdict, error)
}

// Orders reads orders.
type Orders interface {
	Get(ctx context.Context, orderID string) (*approval.Order, error)
}

// Observer counts presses of buttons.
type Observer interface {
	// TeamsInteractionAccepted is called when a decision was accepted, or had been accepted before.
	TeamsInteractionAccepted()
	// TeamsInteractionRefused is called when the sender of a verified press may not decide, or decided about another content.
	TeamsInteractionRefused()
	// TeamsInteractionFailed is called when the store or the Bot Connector could not be reached.
	TeamsInteractionFailed()
}

// MessagesConfig configures Messages. All fields must be set, except for Refusals.
type MessagesConfig struct {
	// Bots are the bots whose buttons decide. Several may be the same application, in different conversations.
	Bots     []*Bot
	Buttons  Buttons
	Decider  Decider
	Orders   Orders
	Observer Observer
	// Person returns the ID of the person for which the configuration has a name, and reports whether it has it.
	Person func(name string) (id string, known bool)
	// Dress sets the language, the zone and the organisation of a message for a person. The person may be empty.
	Dress func(m *approval.Message, person string)
	Now   func() time.Time
	Log   *slog.Logger
	// Refusals records the requests and presses that are refused; nil records nothing.
	Refusals refusal.Recorder
}

// Messages handles what the Bot Connector sends to the bots: presses of buttons, and forms.
type Messages struct{ MessagesConfig }

// NewMessages returns the handler of POST /teams/messages.
func NewMessages(c MessagesConfig) *Messages {
	c.Refusals = refusal.OrDiscard(c.Refusals)
	return &Messages{c}
}

// Bounds of a request and of the time for it. Teams waits some ten seconds for the answer to an invoke activity.
const (
	maxRequest    = 256 << 10 // a press has some 10 kB; a form with all its values 50 kB
	answerTimeout = 8 * time.Second
)

// Source is the name of this source of decisions in records and metrics.
const Source = refusal.SourceTeams

// ServeHTTP implements http.Handler.
func (h *Messages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), answerTimeout)
	defer cancel()
	if _, _, err := readToken(r.Header); err != nil { // before the body is read
		h.refuse(ctx, w, http.StatusUnauthorized, err)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		h.refuse(ctx, w, bodyStatus(err), unread(err))
		return
	}
	a, err := parseActivity(body)
	if err != nil {
		h.refuse(ctx, w, http.StatusBadRequest, err)
		return
	}
	bot, err := h.findBot(ctx, r.Header, a)
	switch {
	case errors.Is(err, errKeys):
		h.Observer.TeamsInteractionFailed()
		h.Log.WarnContext(ctx, "teams activity could not be verified", "error", err)
		http.Error(w, "it cannot be verified now; send it again", http.StatusServiceUnavailable)
		return
	case err != nil:
		h.refuse(ctx, w, http.StatusUnauthorized, err)
		return
	}
	h.answer(ctx, w, bot, a)
}

// answer answers a verified activity.
func (h *Messages) answer(ctx context.Context, w http.ResponseWriter, bot *Bot, a *activity) {
	switch {
	case a.Type == typeConversation: // tells the operator what to configure
		h.Log.InfoContext(ctx, "teams bot is in a conversation", "conversation", printable(a.baseConversation()),
			"service_url", printable(a.ServiceURL), "tenant", printable(a.ChannelData.Tenant.ID))
		w.WriteHeader(http.StatusOK)
	case a.Type != typeInvoke:
		w.WriteHeader(http.StatusOK)
	case a.Name != cardAction:
		w.WriteHeader(http.StatusNotImplemented)
	default:
		p := a.parsePress()
		if p == nil {
			err := &refusal.Error{Code: refusal.Format, Field: "value.action", Detail: "the action is not of a button of ours"}
			h.record(ctx, err, http.StatusOK)
			writeAnswer(w, errorAnswer(http.StatusBadRequest, "BadRequest", "the action is not of a button of this bot"))
			return
		}
		writeAnswer(w, h.answerPress(ctx, bot, a, *p))
	}
}

// findBot returns the bot to which the Bot Connector has sent an activity: that of the conversation, if several are the
// same application.
func (h *Messages) findBot(ctx context.Context, header http.Header, a *activity) (*Bot, error) {
	bots := slices.Clone(h.Bots)
	slices.SortStableFunc(bots, func(x, y *Bot) int { return cmp.Compare(x.distance(a), y.distance(a)) })
	var first error
	for _, bot := range bots {
		err := bot.verifier.verify(ctx, header, a)
		if err == nil {
			return bot, nil
		}
		if first == nil || errors.Is(err, errKeys) {
			first = err
		}
	}
	return nil, first
}

// distance is 0 for the bot of the conversation of an activity, and 1 for any other.
func (b *Bot) distance(a *activity) int {
	if b.settings.Conversation == a.baseConversation() || b.settings.Conversation == a.Conversation.ID {
		return 0
	}
	return 1
}

// answerOf is the answer to an invoke activity:
// https://learn.microsoft.com/adaptive-cards/authoring-cards/universal-action-model, "Response format".
type answerOf struct {
	StatusCode int    `json:"statusCode"`
	Type       string `json:"type"`
	Value      any    `json:"value"`
}

// cardAnswer shows a card in place of the present one, to the person who pressed.
func cardAnswer(c card) answerOf { return answerOf{http.StatusOK, cardType, c} }

// textAnswer shows a text to the person who pressed.
func textAnswer(text string) answerOf {
	return answerOf{http.StatusOK, "application/vnd.microsoft.activity.message", text}
}

// errorAnswer tells Teams that the press failed.
func errorAnswer(status int, code, text string) answerOf {
	type failure struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	return answerOf{status, "application/vnd.microsoft.error", failure{code, text}}
}

func writeAnswer(w http.ResponseWriter, answer answerOf) {
	body, err := encode(answer)
	if err != nil {
		http.Error(w, "the answer cannot be encoded", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}

// refuse answers a request that is not from the Bot Connector.
func (h *Messages) refuse(ctx context.Context, w http.ResponseWriter, status int, err error) {
	why, ok := errors.AsType[*refusal.Error](err)
	if !ok {
		why = &refusal.Error{Code: refusal.Format, Detail: "the request is not from the Bot Connector"}
	}
	h.record(ctx, why, status)
	if status == http.StatusUnauthorized { // RFC 9110, section 11.6.1
		w.Header().Set("WWW-Authenticate", `Bearer realm="approval-relay"`)
	}
	http.Error(w, cmp.Or(why.Public, "the request is refused"), status)
}

// record records a refusal for the operator.
func (h *Messages) record(ctx context.Context, why *refusal.Error, status int) {
	h.Refusals.RecordRefusal(ctx, refusal.Refusal{
		Time:   h.Now(),
		Source: Source,
		Code:   why.Code,
		Field:  why.Field,
		Detail: why.Detail,
		Status: status,
	})
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

// unread returns the refusal of a body that could not be read.
func unread(err error) error {
	why := &refusal.Error{
		Code:   refusal.Incomplete,
		Field:  "body",
		Detail: "the body did not arrive whole, or not fast enough",
		Public: "the body could not be read",
	}
	switch bodyStatus(err) {
	case http.StatusRequestEntityTooLarge:
		why.Code, why.Detail = refusal.TooLarge, "the body is larger than Teams sends"
	case http.StatusServiceUnavailable:
		why.Code, why.Detail = refusal.Busy, "no memory is left for the bodies of strangers now"
	}
	return why
}

// printable returns a text from outside for the log.
func printable(text string) string {
	quoted, _ := json.Marshal(text)
	return string(quoted[1:max(min(len(quoted)-1, 300), 1)])
}
