package sqs

import (
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/s3"
	"github.com/approval-relay/approval-relay/setup"
)

// Settings are the settings of an SQS queue.
type Settings struct {
	Queue           string `yaml:"queue" doc:"name or URL"`
	DeadLetterQueue string `yaml:"dead_letter_queue" doc:"name or URL of the queue for messages that can never be handled; empty keeps them in the store"`
	// S3Payloads are the buckets of messages that are too large for the queue. It is nil if no message is read from S3.
	S3Payloads *s3.Settings `yaml:"s3_payloads" doc:"buckets of S3 from which messages of the SQS Extended Client are read; without it a message that is a pointer to one becomes a dead letter"`
	Limits     `yaml:",inline"`
}

// SetDefaults implements setup.Defaulter.
func (s *Settings) SetDefaults(common setup.Common) {
	s.Limits.SetDefaults(common)
	if s.S3Payloads != nil {
		s.S3Payloads.SetDefaults(common)
	}
}

// Limits bound the work of a Subscriber on a queue.
type Limits struct {
	// Concurrency bounds the messages in flight, from their receive until they are settled or returned. Below 10 a
	// receive cannot be full, so a message costs more than 0.2 calls.
	Concurrency int `yaml:"concurrency" doc:"messages handled at once"`
	// Pollers bounds the receives under way. When the queue is idle a single poller runs, which makes 3 receives a
	// minute with a WaitTime of 20 s. Another poller starts after a full receive, and a poller ends after a receive
	// that was less than half full. The same number of deletes runs at once, at least 2.
	Pollers int `yaml:"pollers" doc:"receives at once, under load"`
	// Visibility is the visibility timeout: the time for which a message is invisible to other consumers after it was
	// received or extended. It bounds the delay of a message whose process died. The queue's own setting is not used.
	Visibility time.Duration `yaml:"visibility" doc:"visibility timeout; extended while a message is handled"`
}

// SetDefaults implements setup.Defaulter.
func (l *Limits) SetDefaults(setup.Common) {
	setup.Default(&l.Concurrency, 64)
	setup.Default(&l.Pollers, 4)
	setup.Default(&l.Visibility, 30*time.Second)
}

// Validate implements setup.Validator.
func (l *Limits) Validate(c *setup.Check) {
	c.Within("concurrency", l.Concurrency, 1, 10_000)
	c.Within("pollers", l.Pollers, 1, 100)
	c.Between("visibility", l.Visibility, 2*time.Second, maxVisibility)
	if l.Visibility%time.Second != 0 {
		c.Fault("visibility", "is %s, must be in whole seconds", l.Visibility)
	}
}

// Validate implements setup.Validator.
func (s *Settings) Validate(c *setup.Check) {
	c.Required("queue", s.Queue)
	if s.Queue != "" && s.Queue == s.DeadLetterQueue {
		c.Fault("dead_letter_queue", "is the queue itself")
	}
	for _, field := range []struct{ name, queue string }{{"queue", s.Queue}, {"dead_letter_queue", s.DeadLetterQueue}} {
		if strings.HasSuffix(field.queue, ".fifo") {
			c.Warn(field.name, "is a FIFO queue: its order and its deduplication are not used, and it costs throughput")
		}
	}
	if s.S3Payloads != nil {
		s.S3Payloads.Validate(c.At("s3_payloads"))
	}
	s.Limits.Validate(c)
}
