package sqs

import (
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/setup"
)

// Settings are the settings of an SQS queue.
type Settings struct {
	Queue           string        `yaml:"queue" doc:"name or URL"`
	DeadLetterQueue string        `yaml:"dead_letter_queue" doc:"name or URL of the queue for messages that can never be handled; empty keeps them in the store"`
	Concurrency     int           `yaml:"concurrency" doc:"messages handled at once"`
	Pollers         int           `yaml:"pollers" doc:"receives at once, under load"`
	Visibility      time.Duration `yaml:"visibility" doc:"visibility timeout; extended while a message is handled"`
}

// SetDefaults implements setup.Defaulter.
func (s *Settings) SetDefaults(setup.Common) {
	setup.Default(&s.Concurrency, 64)
	setup.Default(&s.Pollers, 4)
	setup.Default(&s.Visibility, 30*time.Second)
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
	c.Within("concurrency", s.Concurrency, 1, 10000)
	c.Within("pollers", s.Pollers, 1, 100)
	c.Between("visibility", s.Visibility, 2*time.Second, 12*time.Hour)
}
