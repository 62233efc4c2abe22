package app

import (
	"fmt"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/s3"
	"github.com/approval-relay/approval-relay/sqs"
)

// payloads are the readers of messages in S3, by the source of their queue.
type payloads map[string]handlers.LoadMessage

// openPayloads makes the readers of a configuration.
func (a *App) openPayloads(c *config.Config) (payloads, error) {
	p := payloads{}
	for _, name := range sortedNames(c.Workflows) {
		if settings := c.Workflows[name].Requests.SQS; settings != nil {
			if err := a.openPayload(p, requestSource(name), *settings); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range sortedNames(c.Decisions) {
		if err := a.openPayload(p, decisionSource(name), c.Decisions[name].SQS); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (a *App) openPayload(p payloads, source string, s sqs.Settings) error {
	if s.S3Payloads == nil {
		return nil
	}
	cfg, err := a.aws.configFor(s.S3Payloads.AWS)
	if err != nil {
		return fmt.Errorf("s3_payloads of %s: %w", source, err)
	}
	reader := s3.NewReader(s3.Config{
		AWS:     cfg,
		Buckets: s.S3Payloads.Buckets,
		Now:     a.clock.Now,
		Called:  a.metrics.AWSCalled,
	})
	p[source] = reader.Load
	return nil
}
