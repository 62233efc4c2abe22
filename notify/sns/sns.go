// Package sns is the channel that publishes each notification as an event to an SNS topic, for programs: dashboards,
// audits, bots. A topic has many subscribers, so the event does not contain the link of the approver.
package sns

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/event"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/setup"
)

// API is the part of sns.Client that a channel uses.
type API interface {
	Publish(context.Context, *sns.PublishInput, ...func(*sns.Options)) (*sns.PublishOutput, error)
}

// Config has the settings of a channel, and its environment.
type Config struct {
	Settings
	// Timeout bounds an attempt: an endpoint may accept the connection and then stay silent. Zero means 10 s.
	Timeout time.Duration
}

// Channel publishes to a topic.
type Channel struct {
	api    API
	config Config
}

// NewChannel returns a channel that publishes through api. The error names each field of the settings with a fault.
func NewChannel(api API, c Config) (*Channel, error) {
	setup.Default(&c.Timeout, 10*time.Second)
	if err := setup.FaultsOf(&c.Settings); err != nil {
		return nil, err
	}
	return &Channel{api: api, config: c}, nil
}

// maxMessage is the longest event, in bytes: the 262,144 bytes that a topic accepts by default, less the attributes
// (https://docs.aws.amazon.com/sns/latest/dg/large-message-payloads.html).
const maxMessage = 262_144 - 1024

// permanentCodes returns the error codes for faults of the request itself, such as its length. The other errors of Publish
// (AuthorizationError, NotFound, Throttled, …) are temporary, or an operator can mend them:
// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors.
func permanentCodes() []string {
	return []string{"InvalidParameter", "ParameterValueInvalid", "InvalidParameterValue", "ValidationException",
		"ValidationError"}
}

// Notify implements notify.Channel. The attributes type and workflow are for the filters of subscriptions. A subscriber may
// get an event twice, with the same notificationId. See permanentCodes and outbound.SendOnce for the meaning of the errors.
func (c *Channel) Notify(ctx context.Context, m approval.Message) error {
	body, err := event.EncodePublic(m, maxMessage)
	if err != nil {
		return approval.Permanent(fmt.Errorf("encode the notification: %w", err))
	}
	attribute := func(value string) types.MessageAttributeValue {
		return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &value}
	}
	service := outbound.Service[sns.Options]{
		Prepare: func(o *sns.Options, call *outbound.Call) {
			o.Retryer = aws.NopRetryer{}
			o.HTTPClient = call.ObserveClient(o.HTTPClient)
		},
		Codes:   outbound.Codes{Permanent: permanentCodes()},
		Timeout: c.config.Timeout,
	}
	_, err = outbound.SendOnce(ctx, service, c.api.Publish, &sns.PublishInput{
		TopicArn: &c.config.Topic,
		Message:  aws.String(string(body)),
		MessageAttributes: map[string]types.MessageAttributeValue{
			"type":     attribute(event.TypeOf(m)),
			"workflow": attribute(m.Workflow),
		},
	})
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}
