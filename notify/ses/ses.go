// Package ses is the channel that sends each notification as an e-mail through Amazon SES. The e-mail is the same as from
// notify/smtp. SES has no idempotency token and gives each message its own Message-ID, so a message is sent twice if the
// first response was lost (https://docs.aws.amazon.com/ses/latest/dg/header-fields.html).
package ses

import (
	"context"
	"fmt"
	"mime"
	"net/mail"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/email"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/setup"
)

// API is the part of sesv2.Client that a channel uses.
type API interface {
	SendEmail(context.Context, *sesv2.SendEmailInput, ...func(*sesv2.Options)) (*sesv2.SendEmailOutput, error)
}

// Config has the settings of a channel, and its environment.
type Config struct {
	Settings
	// Timeout bounds an attempt: an endpoint may accept the connection and then stay silent. Zero means 10 s.
	Timeout time.Duration
}

// Channel sends e-mails.
type Channel struct {
	api       API
	from      *mail.Address
	templates *email.Templates
	config    Config
}

// NewChannel returns a channel that sends through api. The error names each field of the settings with a fault.
func NewChannel(api API, c Config) (*Channel, error) {
	setup.Default(&c.Timeout, 10*time.Second)
	if err := setup.FaultsOf(&c.Settings); err != nil {
		return nil, err
	}
	templates, err := c.Templates.Parsed()
	if err != nil {
		return nil, err
	}
	from, err := email.ParseSender(c.From)
	if err != nil {
		return nil, err
	}
	return &Channel{
		api:       api,
		from:      from,
		templates: templates,
		config:    c,
	}, nil
}

// configurationSetName is the form of the name of a configuration set:
// https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_CreateConfigurationSet.html.
var configurationSetName = regexp.MustCompile(`^[A-Za-z0-9_-]{0,64}$`)

// permanentCodes returns the error codes that no later attempt can cure: the content, the address or the sender is
// refused. The other errors of SendEmail (AccountSuspended, SendingPaused, LimitExceeded, TooManyRequests, NotFound of the
// configuration set) are temporary, or an operator can mend them:
// https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html#API_SendEmail_Errors.
func permanentCodes() []string {
	return []string{"MessageRejected", "MailFromDomainNotVerifiedException", "BadRequestException"}
}

// Notify implements notify.Channel. The approver's ID must be an e-mail address. See permanentCodes and outbound.SendOnce for
// the meaning of the errors.
func (c *Channel) Notify(ctx context.Context, m approval.Message) error {
	in, err := c.composeRequest(m)
	if err != nil {
		return err
	}
	service := outbound.Service[sesv2.Options]{
		Prepare: func(o *sesv2.Options, call *outbound.Call) {
			o.Retryer = aws.NopRetryer{}
			o.HTTPClient = call.ObserveClient(o.HTTPClient)
		},
		Codes:   outbound.Codes{Permanent: permanentCodes()},
		Timeout: c.config.Timeout,
	}
	if _, err := outbound.SendOnce(ctx, service, c.api.SendEmail, in); err != nil {
		return fmt.Errorf("SendEmail: %w", err)
	}
	return nil
}

// composeRequest returns the request. Tracking of opens and clicks is disabled for the message, whatever the account or the
// configuration set asks for, and for each link: a link through a tracking server is shown to that server, and more
// scanners open it.
func (c *Channel) composeRequest(m approval.Message) (*sesv2.SendEmailInput, error) {
	to, err := email.ParseRecipient(m)
	if err != nil {
		return nil, err
	}
	text, err := c.templates.RenderMail(m)
	if err != nil {
		return nil, approval.Permanent(fmt.Errorf("compose the e-mail: %w", err))
	}
	content := func(text string) *types.Content { return &types.Content{Data: &text, Charset: aws.String("UTF-8")} }
	header := func(name, value string) types.MessageHeader { return types.MessageHeader{Name: &name, Value: &value} }
	in := &sesv2.SendEmailInput{
		FromEmailAddress: aws.String(c.from.String()),
		Destination:      &types.Destination{ToAddresses: []string{to.Address}},
		Content: &types.EmailContent{Simple: &types.Message{
			// 7-bit ASCII: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Message.html.
			Subject: content(mime.QEncoding.Encode("UTF-8", text.Subject)),
			Body:    &types.Body{Text: content(text.Plain), Html: content(disableTracking(text.HTML))},
			Headers: []types.MessageHeader{
				// All e-mails of an approval form a conversation.
				header("References", "<"+email.MessageID(m.ApprovalID, c.from)+">"),
				// These two prevent out-of-office replies, by RFC 3834 and in Exchange.
				header("Content-Language", email.ContentLanguage(m)),
				header("Auto-Submitted", "auto-generated"),
				header("X-Auto-Response-Suppress", "All"),
			},
		}},
		ConfigurationOverrides: &types.ConfigurationOverrides{Tracking: &types.TrackingConfigurationOverrides{
			ClickTrackingEnabled: types.FeatureStatusDisabled,
			OpenTrackingEnabled:  types.FeatureStatusDisabled,
		}},
	}
	if replyTo := email.ReplyTo(m); replyTo != nil {
		in.ReplyToAddresses = []string{replyTo.String()}
	}
	if c.config.ConfigurationSet != "" {
		in.ConfigurationSetName = &c.config.ConfigurationSet
	}
	return in, nil
}

// anchor matches the start of a link. In the text of an order "<" is escaped, so only a template contains a link.
var anchor = regexp.MustCompile(`(?i)<a(\s[^>]*)?>`)

// disableTracking marks each link with the attribute by which SES does not change it. SES removes the attribute:
// https://docs.aws.amazon.com/ses/latest/dg/faqs-metrics.html#sending-metric-faqs-clicks.
func disableTracking(html string) string {
	return anchor.ReplaceAllStringFunc(html, func(tag string) string {
		if strings.Contains(tag, "ses:no-track") {
			return tag
		}
		return tag[:2] + " ses:no-track" + tag[2:]
	})
}
