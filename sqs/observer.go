package sqs

import "time"

// Observer is told what a Subscriber does, for metrics. Its methods are called
// from many goroutines and must not block. The API calls that messages cost are
// the calls of all its methods but Age, InFlight, DeleteFailed and Undecodable.
type Observer interface {
	// Received is a receive that was answered with so many messages; 0 is an empty one.
	Received(messages int)
	// ReceiveFailed is a receive that was not answered, or with an error.
	ReceiveFailed()
	// Age is how long a received message had been in the queue, from its
	// SentTimestamp; called once for each message that has one.
	Age(age time.Duration)
	// InFlight is a change of the messages received and not yet acked, nacked
	// or given back.
	InFlight(delta int)
	// Extended is a message whose visibility was extended as a handler works on it.
	Extended()
	// Returned is a message given back to the queue: nacked, to come again after
	// its backoff, or unhandled at a shutdown, to come again at once.
	Returned()
	// VisibilityFailed is a change of a message's visibility that failed.
	VisibilityFailed()
	// Deleted is one delete call, by which so many messages were deleted; 0 if
	// it failed altogether.
	Deleted(messages int)
	// DeleteFailed is so many acked messages whose delete was given up. SQS will
	// hand them over again; this process then deletes them unhandled, another
	// one handles them again.
	DeleteFailed(messages int)
	// Undecodable is a message handed out with metadata.Fault.
	Undecodable()
}

type noObserver struct{}

func (noObserver) Received(int)      {}
func (noObserver) ReceiveFailed()    {}
func (noObserver) Age(time.Duration) {}
func (noObserver) InFlight(int)      {}
func (noObserver) Extended()         {}
func (noObserver) Returned()         {}
func (noObserver) VisibilityFailed() {}
func (noObserver) Deleted(int)       {}
func (noObserver) DeleteFailed(int)  {}
func (noObserver) Undecodable()      {}
