package sqs

import "time"

// Observer is told what a Subscriber does, for metrics. Its methods are called
// from many goroutines and must not block. Queue is the topic as it was given
// to Subscribe. The API calls that messages cost are the calls of Received,
// ReceiveFailed, Deleted, Extended, Nacked and Returned.
type Observer interface {
	// Received is a receive that was answered with n messages; 0 is an empty one.
	Received(queue string, n int)
	// ReceiveFailed is a receive that was not answered, or with an error.
	ReceiveFailed(queue string)
	// Age is how long a received message had been in the queue, from its
	// SentTimestamp; called once for each message that has one.
	Age(queue string, age time.Duration)
	// InFlight is a change of the messages received and not yet settled.
	InFlight(queue string, delta int)
	// Extended is a message whose visibility was extended, or not, with ok false.
	Extended(queue string, ok bool)
	// Nacked is a message that was nacked and is invisible for so long.
	Nacked(queue string, delay time.Duration)
	// Returned is a message that was made visible unhandled at a shutdown.
	Returned(queue string)
	// Duplicate is a message that came again while it was worked on or after
	// it was acked, and was not handed out again.
	Duplicate(queue string)
	// Deleted is one call that deleted n messages; 0 if it failed altogether.
	Deleted(queue string, n int)
	// DeleteFailed is n acked messages whose delete was given up. SQS will hand
	// them over again; this process then deletes them unhandled, another one
	// handles them again.
	DeleteFailed(queue string, n int)
}

type noObserver struct{}

func (noObserver) Received(string, int)         {}
func (noObserver) ReceiveFailed(string)         {}
func (noObserver) Age(string, time.Duration)    {}
func (noObserver) InFlight(string, int)         {}
func (noObserver) Extended(string, bool)        {}
func (noObserver) Nacked(string, time.Duration) {}
func (noObserver) Returned(string)              {}
func (noObserver) Duplicate(string)             {}
func (noObserver) Deleted(string, int)          {}
func (noObserver) DeleteFailed(string, int)     {}
