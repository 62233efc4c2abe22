package sqs

import "time"

// Observer counts the work of a Subscriber, for metrics. Its methods are called from many goroutines and must not
// block. Each call of ReceiveSucceeded, ReceiveFailed, VisibilityExtended, MessageReturned, VisibilityFailed and
// DeleteCalled is a request to SQS, so their sum is the cost of the messages.
type Observer interface {
	// ReceiveSucceeded is called after a receive, with the number of its messages; 0 is an empty receive.
	ReceiveSucceeded(messages int)
	// ReceiveFailed is called after a receive without an answer, or with an error.
	ReceiveFailed()
	// MessageReceived is called for each message with a SentTimestamp. The age is its time in the queue.
	MessageReceived(age time.Duration)
	// InFlightChanged is called when messages are received, and when they are acked, nacked or returned.
	InFlightChanged(delta int)
	// VisibilityExtended is called when the visibility timeout of a message was extended, because its handler is still
	// at work.
	VisibilityExtended()
	// MessageReturned is called when a message was made visible again: after its backoff, because it was nacked, or at
	// once, because the shutdown began before it was handled.
	MessageReturned()
	// VisibilityFailed is called when a change of a message's visibility timeout failed.
	VisibilityFailed()
	// DeleteCalled is called after a delete call, with the number of messages that it deleted; 0 if it failed as a
	// whole.
	DeleteCalled(messages int)
	// DeleteFailed is called with the number of acked messages whose deletion was abandoned. SQS delivers them again:
	// this process then deletes them without handling them, another process handles them again.
	DeleteFailed(messages int)
	// MessageUndecodable is called for a message that is handed out with metadata.Fault.
	MessageUndecodable()
}

type noObserver struct{}

func (noObserver) ReceiveSucceeded(int)          {}
func (noObserver) ReceiveFailed()                {}
func (noObserver) MessageReceived(time.Duration) {}
func (noObserver) InFlightChanged(int)           {}
func (noObserver) VisibilityExtended()           {}
func (noObserver) MessageReturned()              {}
func (noObserver) VisibilityFailed()             {}
func (noObserver) DeleteCalled(int)              {}
func (noObserver) DeleteFailed(int)              {}
func (noObserver) MessageUndecodable()           {}
