package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	wmsns "github.com/ThreeDotsLabs/watermill-aws/sns"
	wmsqs "github.com/ThreeDotsLabs/watermill-aws/sqs"
	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/outbound"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/sqs"
)

// awsClients makes AWS clients. The SDK looks for credentials when the first client is made, so a worker without AWS
// needs no credentials.
type awsClients struct {
	config func() (aws.Config, error)
	base   *string
}

func newAWSClients(ctx context.Context, a config.AWS, w outbound.Observer) *awsClients {
	c := &awsClients{}
	if a.Endpoint != "" {
		c.base = aws.String(a.Endpoint)
	}
	c.config = sync.OnceValues(func() (aws.Config, error) {
		var options []func(*awsconfig.LoadOptions) error
		if a.Region != "" {
			options = append(options, awsconfig.WithRegion(a.Region))
		}
		cfg, err := awsconfig.LoadDefaultConfig(ctx, append(options, awsconfig.WithHTTPClient(awsTransport()))...)
		if err != nil {
			return cfg, fmt.Errorf("set up AWS: %w", err)
		}
		if b, ok := cfg.HTTPClient.(*awshttp.BuildableClient); ok { // with AWS_CA_BUNDLE, if that is set
			cfg.HTTPClient = &http.Client{
				Transport:     sqs.BufferedBody(b.GetTransport()),
				CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			}
		}
		cfg.APIOptions = append(cfg.APIOptions, outbound.ObserveCalls(w))
		return cfg, nil
	})
	return c
}

// awsTransport returns the transport of all AWS clients. A long poll takes 20 s, so a server that is silent for 30 s is
// gone. Bodies are buffered because of a race in the SDK, see sqs.BufferedBody.
func awsTransport() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConnsPerHost = 256
		t.ResponseHeaderTimeout = 30 * time.Second
	})
}

func (c *awsClients) sqsClient(context.Context) (*awssqs.Client, error) {
	cfg, err := c.config()
	if err != nil {
		return nil, err
	}
	return awssqs.NewFromConfig(cfg, func(o *awssqs.Options) { o.BaseEndpoint = c.base }), nil
}

// configFor returns the SDK's configuration for a place.
func (c *awsClients) configFor(p setup.AWS) (aws.Config, error) {
	cfg, err := c.config()
	if err != nil {
		return cfg, err
	}
	cfg = cfg.Copy()
	if p.Region != "" {
		cfg.Region = p.Region
	}
	if p.Role != "" {
		client := sts.NewFromConfig(cfg, func(o *sts.Options) {
			if c.base != nil {
				o.BaseEndpoint = c.base
			}
		})
		cfg.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(client, p.Role, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "approval-relay"
		}))
	}
	if p.Endpoint != "" {
		cfg.BaseEndpoint = &p.Endpoint
	}
	return cfg, nil
}

// subscribe makes the queue if it does not exist, subscribes it to the topic, and lets the topic send to it. It replaces
// the policy of the queue: a queue with other senders must be set up by hand.
func (c *awsClients) subscribe(ctx context.Context, topic, queue string) error {
	cfg, err := c.config()
	if err != nil {
		return err
	}
	sub, err := wmsns.NewSubscriber(wmsns.SubscriberConfig{
		AWSConfig: cfg, OptFns: []func(*sns.Options){func(o *sns.Options) { o.BaseEndpoint = c.base }},
		TopicResolver:        wmsns.TransparentTopicResolver{},
		GenerateSqsQueueName: func(context.Context, wmsns.TopicArn) (string, error) { return queue, nil },
	}, wmsqs.SubscriberConfig{
		AWSConfig: cfg, OptFns: []func(*awssqs.Options){func(o *awssqs.Options) { o.BaseEndpoint = c.base }},
	}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second) // SQS or SNS out of reach at the start
	defer cancel()
	return sub.SubscribeInitializeWithContext(ctx, topic)
}

// confirm confirms a subscription by a call of the SDK, never by the URL in a message. After that only authenticated
// calls can unsubscribe.
func (c *awsClients) confirm(ctx context.Context, topic, token string) error {
	cfg, err := c.configFor(setup.AWS{Region: regionOf(topic)})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	client := sns.NewFromConfig(cfg, func(o *sns.Options) { o.BaseEndpoint = c.base })
	_, err = client.ConfirmSubscription(ctx, &sns.ConfirmSubscriptionInput{
		TopicArn: &topic, Token: &token, AuthenticateOnUnsubscribe: aws.String("true"),
	})
	if err != nil {
		return errors.New("SNS did not take the confirmation") // its text may quote the token
	}
	return nil
}
