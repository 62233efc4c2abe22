package app

import (
	"context"
	"crypto/fips140"
	"errors"
	"fmt"
	"log/slog"
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
	opened func() // is called for each new connection; it may be nil
}

// maxAWSConnections is the number of idle connections to a service that are kept: enough for the answers and heartbeats
// of a target at its default concurrency.
const maxAWSConnections = 2 * setup.DefaultConcurrency

func newAWSClients(ctx context.Context, a config.AWS, w outbound.Observer, log *slog.Logger) *awsClients {
	c := &awsClients{}
	c.config = sync.OnceValues(func() (aws.Config, error) {
		options := []func(*awsconfig.LoadOptions) error{awsconfig.WithLogger(sdkLog{log})}
		if a.Region != "" {
			options = append(options, awsconfig.WithRegion(a.Region))
		}
		cfg, err := awsconfig.LoadDefaultConfig(ctx, append(options, awsconfig.WithHTTPClient(awsTransport(c.opened)))...)
		if err != nil {
			return cfg, fmt.Errorf("set up AWS: %w", err)
		}
		if b, ok := cfg.HTTPClient.(*awshttp.BuildableClient); ok { // with AWS_CA_BUNDLE, if that is set
			cfg.HTTPClient = outbound.Sender{Client: &http.Client{
				Transport:     sqs.BufferedBody(b.GetTransport()),
				CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			}}
		}
		cfg.APIOptions = append(cfg.APIOptions, outbound.ObserveCalls(w))
		setEndpoint(&cfg, a.Endpoint)
		return cfg, nil
	})
	return c
}

// setEndpoint sets the endpoint of all clients that are made of cfg, unless it is empty. It takes precedence over
// AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_<SERVICE> and the endpoint_url of a profile, which hold otherwise. It is the only
// place that sets an endpoint: a client with an option of its own would not follow these rules.
func setEndpoint(cfg *aws.Config, endpoint string) {
	if endpoint == "" {
		return
	}
	cfg.BaseEndpoint = &endpoint
	cfg.ConfigSources = append([]any{ignoreOtherEndpoints{}}, cfg.ConfigSources...)
}

// ignoreOtherEndpoints is a source of the SDK's configuration, as AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is. Without it, a
// client prefers AWS_ENDPOINT_URL_<SERVICE> to the endpoint in aws.Config.
type ignoreOtherEndpoints struct{}

// GetIgnoreConfiguredEndpoints is called by the clients of the SDK.
func (ignoreOtherEndpoints) GetIgnoreConfiguredEndpoints(context.Context) (ignore, found bool, err error) {
	return true, true, nil
}

// awsTransport returns the transport of all AWS clients. A long poll takes 20 s, so a server that is silent for 30 s is
// gone. Bodies are buffered because of a race in the SDK, see sqs.BufferedBody.
func awsTransport(opened func()) *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		// The SDK keeps 100 connections to all services together by default, so that a burst of calls would open and close
		// one for each call.
		t.MaxIdleConns = 0 // all services together are unbounded
		t.MaxIdleConnsPerHost = maxAWSConnections
		t.IdleConnTimeout = 50 * time.Second // below a minute, after which load balancers close an idle connection
		t.DialContext = outbound.CountDials(t.DialContext, opened)
		t.ResponseHeaderTimeout = 30 * time.Second
	})
}

func (c *awsClients) sqsAPI() (sqs.QueueAPI, error) {
	cfg, err := c.config()
	if err != nil {
		return nil, err
	}
	return sqs.Calls(awssqs.NewFromConfig(cfg, func(o *awssqs.Options) {
		o.DisableMessageChecksumValidation = fips140.Enforced() // they are MD5, which FIPS 140 does not admit; TLS has its own
	})), nil
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
		client := sts.NewFromConfig(cfg)
		cfg.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(client, p.Role, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "approval-relay"
		}))
	}
	setEndpoint(&cfg, p.Endpoint)
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
		AWSConfig:            cfg,
		TopicResolver:        wmsns.TransparentTopicResolver{},
		GenerateSqsQueueName: func(context.Context, wmsns.TopicArn) (string, error) { return queue, nil },
	}, wmsqs.SubscriberConfig{AWSConfig: cfg}, watermill.NopLogger{})
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
	_, err = sns.NewFromConfig(cfg).ConfirmSubscription(ctx, &sns.ConfirmSubscriptionInput{
		TopicArn: &topic, Token: &token, AuthenticateOnUnsubscribe: aws.String("true"),
	})
	if err != nil {
		return errors.New("SNS did not take the confirmation") // its text may quote the token
	}
	return nil
}
