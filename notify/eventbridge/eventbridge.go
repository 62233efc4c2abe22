// Package eventbridge is the channel that puts each notification as an event on an event bus of Amazon EventBridge, for
// programs. Rules pass an event on to many receivers, so it does not contain the link by which an approver decides.
package eventbridge

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/notify/event"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/setup"
)

// API is the part of eventbridge.Client that a channel uses.
type API interface {
	PutEvents(
		context.Context, *eventbridge.PutEventsInput, ...func(*eventbridge.Options),
	) (*eventbridge.PutEventsOutput, error)
}

// Config configures a Channel: its settings, and the environment.
type Config struct {
	Settings
	// Timeout bounds an attempt: an endpoint may accept the connection and then stay silent. Zero means 10 s.
	Timeout time.Duration
}

// Channel puts events on an event bus. It is safe for concurrent use.
type Channel struct {
	api     API
	config  Config
	service outbound.Service[eventbridge.Options]
}

// NewChannel returns a channel that calls api. The error names each wrong field of the settings.
func NewChannel(api API, c Config) (*Channel, error) {
	c.SetDefaults(setup.Common{})
	setup.Default(&c.Timeout, 10*time.Second)
	if err := setup.FaultsOf(&c.Settings); err != nil {
		return nil, err
	}
	return &Channel{api: api, config: c, service: outbound.Service[eventbridge.Options]{
		Prepare: func(o *eventbridge.Options, call *outbound.Call) {
			o.Retryer = aws.NopRetryer{}
			o.HTTPClient = call.ObserveClient(o.HTTPClient)
		},
		Codes: outbound.Codes{Permanent: []string{
			"InvalidArgument", "MalformedDetail", "RedactionFailure", "SerializationException", "ValidationException",
		}},
		Timeout: c.Timeout,
	}}, nil
}

// maxEntry is the longest event, in bytes:
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-putevent-size. Its detail, detail type
// and source count, and 14 bytes for its time.
const (
	maxEntry  = 262_144
	timeBytes = 14
)

// Notify puts the message on the bus. A receiver may get the same event twice, with the same id. The answer of
// PutEvents has the failure of an event inside a success; see outbound.SendOnce and outbound.JudgeEntry for the
// meaning of the errors.
func (c *Channel) Notify(ctx context.Context, m approval.Message) error {
	entry, err := c.newEntry(m)
	if err != nil {
		return approval.Permanent(fmt.Errorf("encode the event: %w", err))
	}
	out, err := outbound.SendOnce(ctx, c.service, c.api.PutEvents, &eventbridge.PutEventsInput{
		Entries: []types.PutEventsRequestEntry{entry},
	})
	if err == nil {
		err = c.judgeAnswer(out)
	}
	if err != nil {
		return fmt.Errorf("put the event: %w", err)
	}
	return nil
}

// newEntry returns the event of a message.
func (c *Channel) newEntry(m approval.Message) (types.PutEventsRequestEntry, error) {
	detailType := c.config.DetailType
	if detailType == "" {
		detailType = event.TypeOf(m)
	}
	detail, err := event.EncodeCloudEvent(m, c.config.Source, maxEntry-timeBytes-len(c.config.Source)-len(detailType))
	return types.PutEventsRequestEntry{
		EventBusName: &c.config.Bus,
		Source:       &c.config.Source,
		DetailType:   &detailType,
		Detail:       aws.String(string(detail)),
		Time:         aws.Time(event.TimeOf(m)),
	}, err
}

// judgeAnswer returns the outcome of the event in the answer. An answer that counts a failure and does not name it is a
// failure of the service.
func (c *Channel) judgeAnswer(out *eventbridge.PutEventsOutput) error {
	for _, entry := range out.Entries {
		if entry.ErrorCode != nil {
			return outbound.JudgeEntry(*entry.ErrorCode, c.service.Codes)
		}
	}
	if out.FailedEntryCount > 0 {
		return outbound.JudgeEntry("InternalFailure", c.service.Codes)
	}
	return nil
}
