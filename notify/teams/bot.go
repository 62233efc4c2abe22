package teams

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/setup"
)

// BotConfig configures a Bot.
type BotConfig struct {
	Settings

	// Client must not follow redirects. Nil means the client of package outbound.
	Client *http.Client
	// Timeout bounds an attempt. Zero means 10 s.
	Timeout time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Bot is the channel of a bot. It posts each notification as a card with buttons to a channel or chat of Teams, and edits
// the card when somebody decides.
type Bot struct {
	settings  Settings
	connector *connector
	directory *directory
	verifier  *verifier
}

// NewBot returns the channel of a bot. The error names each field of the settings with a fault, without its value.
func NewBot(c BotConfig) (*Bot, error) {
	c.SetDefaults(setup.Common{})
	if err := setup.FaultsOf(&c.Settings); err != nil {
		return nil, err
	}
	if c.Client == nil {
		c.Client = outbound.NewClient(outbound.ClientConfig{AllowInternal: c.AllowInternal})
	}
	if c.Timeout <= 0 {
		c.Timeout = 10 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	b := &Bot{settings: c.Settings, connector: newConnector(c)}
	b.directory = newDirectory(c, b.connector)
	b.verifier = newVerifier(c)
	return b, nil
}

// Notify implements notify.Channel.
func (b *Bot) Notify(ctx context.Context, m approval.Message) error {
	_, err := b.Post(ctx, m)
	return err
}

// Post implements notify.Editable. The receipt is the ID of the conversation and that of the activity.
func (b *Bot) Post(ctx context.Context, m approval.Message) (receipt string, err error) {
	body, err := encodeBotCard(m)
	if err != nil {
		return "", approval.Permanent(fmt.Errorf("encode the card: %w", err))
	}
	var answer struct {
		ID string `json:"id"`
	}
	path := []string{"conversations", b.settings.Conversation, "activities"}
	if err := b.connector.call(ctx, http.MethodPost, path, body, &answer); err != nil {
		return "", err
	}
	receipt = b.settings.Conversation + " " + answer.ID
	if answer.ID == "" || len(receipt) > maxReceipt {
		return "", nil // the message is there, and cannot be edited
	}
	return receipt, nil
}

// maxReceipt is the longest receipt of a message, in bytes (see notify.Editable).
const maxReceipt = 512

// Edit implements notify.Editable. A message that no longer exists has no buttons either, so its absence is not an error.
func (b *Bot) Edit(ctx context.Context, receipt string, m approval.Message) error {
	conversation, activity, ok := strings.Cut(receipt, " ")
	if !ok || conversation == "" || activity == "" {
		return approval.Permanent(errors.New("the message cannot be found again"))
	}
	body, err := encodeBotCard(m)
	if err != nil {
		return approval.Permanent(fmt.Errorf("encode the card: %w", err))
	}
	err = b.connector.call(ctx, http.MethodPut, []string{"conversations", conversation, "activities", activity}, body, nil)
	if errors.Is(err, errAbsent) {
		return nil
	}
	return err
}

// encodeBotCard returns the activity that posts or edits a message.
func encodeBotCard(m approval.Message) ([]byte, error) {
	c, err := newBotCard(m, cardState{hasButtons: true})
	if err != nil {
		return nil, err
	}
	return encode(message{"message", []attachment{{cardType, c}}})
}

// cardType is the media type of an Adaptive Card.
const cardType = "application/vnd.microsoft.card.adaptive"
