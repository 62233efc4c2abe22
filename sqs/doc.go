// Package sqs is a Watermill subscriber for Amazon SQS standard queues that delivers many messages at once and never
// loses a message.
//
// Each call of Subscribe runs these goroutines:
//
//	pollers   1 when idle, up to Config.Pollers under load: reserve slots, and long-poll for that number of messages
//	couriers  deliver a message each, extend its visibility, and settle it
//	deleters  gather up to ten acked messages and delete them with a single call
//
// Slots bound the messages in flight: a poller takes a slot before it receives, and the courier releases it when the
// message is settled. So a message is received only if a handler can start at once.
//
// The fate of a message:
//
//	acked                    deleted; also during a shutdown, on a context of its own
//	nacked                   invisible for Config.Backoff of its receive count, then delivered again
//	still being handled      its visibility is extended, up to the 12 h that SQS allows
//	not taken at a shutdown  visible again at once
//	unfinished when          its context is cancelled, then visible again
//	 CloseTimeout ends
//
// SQS may deliver a message twice: while it is being handled, or after it was acked and before its delete succeeded. It
// is handled once, and the new receipt handle replaces the old handle.
//
// # Contexts and Watermill's router
//
// Router.Close (v1.5.1) cancels the context that it gave to Subscribe and calls Subscriber.Close at the same moment.
// The router never cancels a message's context, and replaces it by a derived context only (message/router.go,
// addHandlerContext). So a subscriber that derives message contexts from Subscribe's context kills every handler when a
// shutdown begins. Here a message's context keeps the values of Subscribe's context but not its end: it ends when the
// message is acked or nacked, or when CloseTimeout has passed. Give the router a CloseTimeout longer than ours by at
// least ten seconds.
//
// # Limits of a shutdown
//
// SQS may have answered a long poll that is being cancelled. So when a shutdown begins, a receive is cancelled only
// after it has been under way for 300 ms, which is plenty under load, and its messages are made visible at once. If SQS
// answers at the very moment of the cancellation, the messages are delivered again when the visibility timeout ends.
// They are delayed, not lost.
package sqs
