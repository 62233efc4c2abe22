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

// Config says how a Subscriber works. Zero fields take their defaults. All
// bounds are for each Subscribe.
type Config struct {
	// Concurrency bounds the messages in flight: received, and neither settled
	// nor returned. 1 to 10,000, default 64. Below 10 a receive cannot be full,
	// so a message costs more than 0.2 calls.
	Concurrency int

	// Pollers bounds the receives under way at once. One poller runs when the
	// queue is idle, which is 3 receives a minute with a WaitTime of 20 s;
	// another starts when a receive was full, and ends when one was not half
	// full. 1 to 100, default 4. As many deletes run at once, at least 2.
	Pollers int

	// WaitTime is how long SQS holds a receive open while the queue is empty,
	// in whole seconds. 1 s to 20 s, default 20 s.
	WaitTime time.Duration

	// Visibility is how long a message is invisible to others after it was
	// received or extended, in whole seconds. It bounds how long a message is
	// held up by a process that died with it. 2 s to 12 h, default 30 s. The
	// queue's own setting is not used.
	Visibility time.Duration

	// ExtendFraction is the part of Visibility after which a message that is
	// still worked on is extended by Visibility. Above 0 and up to 0.9, default
	// 0.5. SQS ends a message's invisibility 12 h after its receive whatever is done.
	ExtendFraction float64

	// Backoff is how long a nacked message is invisible, by how often it was
	// received (1 for the first time). It is rounded up to whole seconds, at
	// least one, and cut at what is left of 12 h. Default: ExponentialBackoff
	// from 4 s to 15 min.
	Backoff func(receiveCount int) time.Duration

	// DeleteLinger is how long the first acked message waits for nine more to be
	// deleted with. 1 ms to 1 s, default 50 ms.
	DeleteLinger time.Duration

	// CloseTimeout is how long handlers may go on after Close, or after the
	// context of Subscribe ended; 1 ms to 12 h, default 20 s. Then their contexts are
	// cancelled and their messages are made visible again. Deletes and
	// returns may take 5 s more. Give Watermill's router, and the container's
	// grace period, more than both.
	CloseTimeout time.Duration

	// UnwrapSNS takes the message out of an envelope that SNS put around it
	// (a subscription without raw message delivery).
	UnwrapSNS bool

	// TopicARNs are the SNS topics whose envelopes are expected; empty means
	// any. A message from another one has metadata.Fault set and stays
	// wrapped. Who may send to the queue is for the queue's policy to say: this
	// finds mistakes, it does not keep anyone out. It needs UnwrapSNS.
	TopicARNs []string

	// PlainAttributes puts a message attribute into the metadata under its own
	// name, as Watermill's publishers expect, rather than behind metadata.Attribute.
	// Then whoever may send to the queue may set any key that is not of this package.
	PlainAttributes bool

	// Logger is told changes of state and what went wrong, never a body or an
	// attribute. Default: none.
	Logger *slog.Logger

	// Observer is told events, for metrics. Default: none.
	Observer Observer
}

func (c Config) withDefaults() Config {
	set(&c.Concurrency, 64)
	set(&c.Pollers, 4)
	set(&c.WaitTime, maxWait)
	set(&c.Visibility, 30*time.Second)
	set(&c.ExtendFraction, 0.5)
	set(&c.DeleteLinger, 50*time.Millisecond)
	set(&c.CloseTimeout, 20*time.Second)
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

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate returns all faults of a Config whose zero fields have their
// defaults, each naming its field.
func (c Config) Validate() error {
	c = c.withDefaults()
	return errors.Join(
		within("Concurrency", c.Concurrency, 1, 10_000),
		within("Pollers", c.Pollers, 1, 100),
		within("WaitTime", c.WaitTime, time.Second, maxWait),
		wholeSeconds("WaitTime", c.WaitTime),
		within("Visibility", c.Visibility, 2*time.Second, maxVisibility),
		wholeSeconds("Visibility", c.Visibility),
		within("ExtendFraction", c.ExtendFraction, 0.01, 0.9),
		within("DeleteLinger", c.DeleteLinger, time.Millisecond, time.Second),
		within("CloseTimeout", c.CloseTimeout, time.Millisecond, maxVisibility),
		needs("TopicARNs", len(c.TopicARNs) > 0, "UnwrapSNS", c.UnwrapSNS),
	)
}

func within[T int | float64 | time.Duration](field string, v, least, most T) error {
	if v >= least && v <= most {
		return nil
	}
	return fmt.Errorf("%s: %v is not within %v and %v", field, v, least, most)
}

func wholeSeconds(field string, d time.Duration) error {
	if d%time.Second == 0 {
		return nil
	}
	return fmt.Errorf("%s: %v is not in whole seconds", field, d)
}

func needs(field string, is bool, other string, otherIs bool) error {
	if !is || otherIs {
		return nil
	}
	return fmt.Errorf("%s: needs %s", field, other)
}
