package sqs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/approval-relay/approval-relay/setup"
)

// Limits that SQS sets (Developer Guide, "Amazon SQS message quotas").
const (
	maxBatch      = 10
	maxWait       = 20 * time.Second
	maxVisibility = 12 * time.Hour
)

// Config configures a Subscriber. Zero fields take their defaults. All limits hold for each call of Subscribe.
type Config struct {
	Limits

	// WaitTime is the time for which SQS holds a receive open while the queue is empty, in whole seconds. 1 s to 20 s,
	// default 20 s.
	WaitTime time.Duration

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

	// AwaitQueue lets Subscribe return at once, without a call. A queue that is missing, forbidden or out of reach is
	// looked for again, with back-off, until the subscription ends: other work of the process does not depend on it. Each
	// failed attempt is a failed receive for the Observer.
	AwaitQueue bool

	// Prepare is called before each attempt to find the queue, such as to subscribe it to a topic. It requires
	// AwaitQueue.
	Prepare func(context.Context) error

	// Intake returns a context that ends when the queue is not to be read for now, and has ended already while it is not.
	// Messages that were received before are handled. Nil means that the queue is always read.
	Intake func() context.Context

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
	c.SetDefaults(setup.Common{})
	setup.Default(&c.WaitTime, maxWait)
	setup.Default(&c.ExtendFraction, 0.5)
	setup.Default(&c.DeleteLinger, 50*time.Millisecond)
	setup.Default(&c.CloseTimeout, 20*time.Second)
	if c.Backoff == nil {
		c.Backoff = nackBackoff
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Observer == nil {
		c.Observer = noObserver{}
	}
	if c.Intake == nil {
		c.Intake = context.Background
	}
	return c
}

// Validate returns all faults of the Config, with defaults in place of zero fields. Each fault names its field.
func (c Config) Validate() error {
	c = c.withDefaults()
	return errors.Join(
		setup.FaultsOf(&c.Limits),
		checkRange("WaitTime", c.WaitTime, time.Second, maxWait),
		checkWholeSeconds("WaitTime", c.WaitTime),
		checkRange("ExtendFraction", c.ExtendFraction, 0.01, 0.9),
		checkRange("DeleteLinger", c.DeleteLinger, time.Millisecond, time.Second),
		checkRange("CloseTimeout", c.CloseTimeout, time.Millisecond, maxVisibility),
		checkRequirement("TopicARNs", len(c.TopicARNs) > 0, "UnwrapSNS", c.UnwrapSNS),
		checkRequirement("Prepare", c.Prepare != nil, "AwaitQueue", c.AwaitQueue),
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
