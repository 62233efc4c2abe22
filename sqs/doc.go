// Package sqs is a Watermill subscriber for Amazon SQS standard queues that
// hands many messages out at once and loses none.
//
// One Subscribe runs these goroutines:
//
//	pollers   1 when idle, up to Config.Pollers under load: reserve slots, long-poll for that many
//	courier   one for each message in flight: hands it out, extends its visibility, settles it
//	deleters  gather up to ten acked messages and delete them in one call
//
// A slot is what bounds messages in flight: a poller takes it before it
// receives, the courier gives it back when the message is settled. So nothing
// is received that could not be started at once.
//
// What becomes of a message:
//
//	acked                     deleted; also during a shutdown, on a context of its own
//	nacked                    invisible for Config.Backoff of its receive count, then handed over again
//	neither, still worked on  its visibility is extended, up to the 12 h that SQS allows
//	not taken at a shutdown   visible again at once
//	unfinished when           its context is cancelled, then visible again
//	 CloseTimeout ends
//
// A message that SQS hands over twice while it is worked on, or after it was
// acked and before its delete came through, is not handed out twice: the new
// receipt handle replaces the old one.
//
// # Contexts and Watermill's router
//
// Router.Close (v1.5.1) cancels the context that it gave to Subscribe and calls
// Subscriber.Close at the same moment; the router itself never cancels a
// message's context and replaces it only by one derived from it
// (message/router.go, addHandlerContext). A subscriber that derives message
// contexts from Subscribe's thereby kills every handler when a shutdown begins.
// Here they keep the values of Subscribe's context but not its end: a message's
// context ends when it is acked or nacked, or when CloseTimeout has passed. Give
// the router a CloseTimeout longer than ours by at least ten seconds.
//
// # What cannot be had
//
// A long poll that is cancelled may have been answered by SQS already. So when a
// shutdown begins, a receive is cancelled only once it has been under way for
// 300 ms, which under load is plenty, and what it brings is made visible at
// once. If one is cancelled and was answered at that very moment, its messages
// come again when the visibility timeout ends. They are delayed, not lost.
package sqs
