package router

import (
	"errors"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/deadline"
	"github.com/approval-relay/approval-relay/handlers"
)

// settleMessages reports the final error of a message to a sender that waits for it, and logs the error. The error goes
// on to Watermill, which acknowledges the message or returns it to its queue. A message that a filter excludes is
// handled without error, and so is one that became a dead letter.
func settleMessages(log *slog.Logger) message.HandlerMiddleware {
	return func(h message.HandlerFunc) message.HandlerFunc {
		return func(msg *message.Message) ([]*message.Message, error) {
			out, err := h(msg)
			if _, isDead := errors.AsType[*deadLetterError](err); isDead || errors.Is(err, handlers.ErrFiltered) {
				err = nil
			}
			if fate := handlers.FateOf(msg); fate != nil {
				fate.Err = err
			}
			if err != nil {
				logFailure(log, msg, err)
			}
			return out, err
		}
	}
}

// logFailure logs a permanent error at a lower level, because its sender gets it as an answer.
func logFailure(log *slog.Logger, msg *message.Message, err error) {
	level := slog.LevelWarn
	if approval.IsPermanent(err) {
		level = slog.LevelInfo
	}
	log.LogAttrs(msg.Context(), level, "message not handled",
		slog.String("handler", message.HandlerNameFromCtx(msg.Context())),
		slog.String("message_id", msg.UUID),
		slog.String("error", err.Error()),
	)
}

// countMessages reports the result and the duration of each message to the observer.
func countMessages(o Observer) message.HandlerMiddleware {
	return func(h message.HandlerFunc) message.HandlerFunc {
		return func(msg *message.Message) ([]*message.Message, error) {
			began := time.Now()
			out, err := h(msg)
			o.MessageHandled(msg.Context(), message.HandlerNameFromCtx(msg.Context()), resultOf(err), time.Since(began))
			return out, err
		}
	}
}

// resultOf returns the result of a message as metrics name it.
func resultOf(err error) string {
	if err == nil { // the usual result, without an allocation
		return "ok"
	}
	var refusal *approval.RefusalError
	var full *approval.OrderFullError
	switch {
	case errors.Is(err, handlers.ErrFiltered):
		return "filtered"
	case errors.As(err, &refusal):
		return "refused"
	case approval.IsPermanent(err):
		return "invalid"
	case errors.As(err, &full):
		return "full"
	}
	return "failed"
}

// Results lists the results of a message.
func Results() []string { return []string{"ok", "filtered", "refused", "invalid", "full", "failed"} }

// limitTime lets a handler that has started finish, within a time limit. When the router closes, it cancels the contexts
// of its messages. So the handler runs under a context of its own, and the message has its former context again
// afterwards.
func limitTime(d time.Duration) message.HandlerMiddleware {
	var limits deadline.Group
	return func(h message.HandlerFunc) message.HandlerFunc {
		return func(msg *message.Message) ([]*message.Message, error) {
			before := msg.Context()
			defer msg.SetContext(before)
			msg.SetContext(limits.Within(before, d))
			return h(msg)
		}
	}
}

// growStack grows the stack of the goroutine that Watermill starts for each message to the size that most handlers need.
// Go then copies the stack once, while it is nearly empty. Otherwise Go would copy it three times, each time fuller.
func growStack(h message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		useStack(0)
		return h(msg)
	}
}

// usualStack is the stack that most handlers need, in bytes.
const usualStack = 12 << 10

// useStack has a frame of usualStack bytes.
//
//go:noinline
func useStack(i int) byte {
	var frame [usualStack]byte
	return frame[i%usualStack]
}
