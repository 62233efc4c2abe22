package sqs

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Limits that SQS sets (Developer Guide, "Amazon SQS message quotas").
const (
	maxBatch      = 10
	maxWait       = 20 * time.Second
	maxVisibility = 12 * time.Hour
)

// Config configures a Subscriber. Zero fields take their defaults. All limits hold for each call of Subscribe.
type Config struct {
	// Concurrency bounds the messages in flight, from their receive until they are settled or returned. 1 to 10,000,
	// default 64. Below 10 a receive cannot be full, so a message costs more than 0.2 calls.
	Concurrency int

	// Pollers bounds the receives under way. When the queue is idle a single poller runs, which makes 3 receives a
	// minute with a WaitTime of 20 s. Another poller starts after a full receive, and a poller ends after a receive
	// that was less than half full. 1 to 100, default 4. The same number of deletes runs at once, at least 2.
	Pollers int

	// WaitTime is the time for which SQS holds a receive open while the queue is empty, in whole seconds. 1 s to 20 s,
	// default 20 s.
	WaitTime time.Duration

	// Visibility is the visibility timeout: the time for which a message is invisible to other consumers after it was
	// received or extended, in whole seconds. It bounds the delay of a message whose process died. 2 s to 12 h,
	// default 30 s. The queue's own setting is not used.
	Visibility time.Duration

	// ExtendFraction is the part of Visibility after which the timeout of a message still being handled is extended by
	// Visibility. Above 0 and up to 0.9, default 0.5. SQS ends every timeout 12 h after the receive.
	ExtendFraction float64

	// Backoff returns the time for which a nacked message is invisible, by its receive count (1 for the first
	// delivery). The time is rounded up to whole seconds, at least 1 s, and ends 12 h after the receive at the latest.
	// Default: ExponentialBackoff from 4 s to 15 min.
	Backoff func(receiveCount int) time.Duration

	// DeleteLinger is the time for which an acked message waits for nine further messages of the same delete call.
	// 1 ms to 1 s, default 50 ms.
	DeleteLinger time.Duration

	// CloseTimeout is the time that handlers have after Close, or after the end of Subscribe's context; 1 ms to 12 h,
	// default 20 s. Then their contexts are cancelled and their messages become visible again. Deletes and returns may
	// take 5 s more. Watermill's router, and the container's grace period, must allow more than both.
	CloseTimeout time.Duration

	// UnwrapSNS unwraps messages from the envelope of SNS (a subscription without raw message delivery).
	UnwrapSNS bool

	// TopicARNs are the SNS topics of the expected envelopes; empty means any topic. A message of another topic stays
	// wrapped, with metadata.Fault. This finds mistakes and is no protection: the queue's policy decides about senders.
	// It requires UnwrapSNS.
	TopicARNs []string

	// PlainAttributes puts message attributes into the metadata under their own names, as Watermill's publishers
	// expect, without the prefix metadata.Attribute. Then a sender can set every key that is not reserved by this
	// package.
	PlainAttributes bool

	// Logger receives changes of state and errors, but never a body or an attribute. By default they are discarded.
	Logger *slog.Logger

	// Observer is called for events, for metrics. By default they are discarded.
	Observer Observer
}

func (c Config) withDefaults() Config {
	setDefault(&c.Concurrency, 64)
	setDefault(&c.Pollers, 4)
	setDefault(&c.WaitTime, maxWait)
	setDefault(&c.Visibility, 30*time.Second)
	setDefault(&c.ExtendFraction, 0.5)
	setDefault(&c.DeleteLinger, 50*time.Millisecond)
	setDefault(&c.CloseTimeout, 20*time.Second)
	if c.Backoff == nil {
		c.Backoff = nackBackoff
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Observer == nil {
		c.Observer = noObserver{}
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate returns all faults of the Config, with defaults in place of zero fields. Each fault names its field.
func (c Config) Validate() error {
	c = c.withDefaults()
	return errors.Join(
		checkRange("Concurrency", c.Concurrency, 1, 10_000),
		checkRange("Pollers", c.Pollers, 1, 100),
		checkRange("WaitTime", c.WaitTime, time.Second, maxWait),
		checkWholeSeconds("WaitTime", c.WaitTime),
		checkRange("Visibility", c.Visibility, 2*time.Second, maxVisibility),
		checkWholeSeconds("Visibility", c.Visibility),
		checkRange("ExtendFraction", c.ExtendFraction, 0.01, 0.9),
		checkRange("DeleteLinger", c.DeleteLinger, time.Millisecond, time.Second),
		checkRange("CloseTimeout", c.CloseTimeout, time.Millisecond, maxVisibility),
		checkRequirement("TopicARNs", len(c.TopicARNs) > 0, "UnwrapSNS", c.UnwrapSNS),
	)
}

func checkRange[T int | float64 | time.Duration](field string, v, least, most T) error {
	if v >= least && v <= most {
		return nil
	}
	return fmt.Errorf("%s: %v is not between %v and %v", field, v, least, most)
}

func checkWholeSeconds(field string, d time.Duration) error {
	if d%time.Second == 0 {
		return nil
	}
	return fmt.Errorf("%s: %v is not in whole seconds", field, d)
}

func checkRequirement(field string, is bool, other string, otherIs bool) error {
	if !is || otherIs {
		return nil
	}
	return fmt.Errorf("%s: requires %s", field, other)
}
