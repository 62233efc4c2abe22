package router

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/store"
)

// settle ends a message: its fate is told to whoever waits for it, and logged
// once if it is an error. The error goes on to Watermill, which acks or nacks.
// What a filter took out is done with.
func settle(log *slog.Logger) message.HandlerMiddleware {
	return func(h message.HandlerFunc) message.HandlerFunc {
		return func(msg *message.Message) ([]*message.Message, error) {
			out, err := h(msg)
			if errors.Is(err, handlers.ErrFiltered) {
				err = nil
			}
			if fate := handlers.FateOf(msg); fate != nil {
				fate.Err = err
			}
			if err != nil {
				level := slog.LevelWarn
				if approval.IsPermanent(err) {
					level = slog.LevelInfo // the sender was told
				}
				log.LogAttrs(msg.Context(), level, "message not handled",
					slog.String("handler", message.HandlerNameFromCtx(msg.Context())), slog.String("message_id", msg.UUID), slog.String("error", err.Error()))
			}
			return out, err
		}
	}
}

// count tells the observer how each message ended, and how long it took.
func count(o Observer) message.HandlerMiddleware {
	return func(h message.HandlerFunc) message.HandlerFunc {
		return func(msg *message.Message) ([]*message.Message, error) {
			began := time.Now()
			out, err := h(msg)
			o.MessageHandled(msg.Context(), message.HandlerNameFromCtx(msg.Context()), result(err), time.Since(began))
			return out, err
		}
	}
}

// result names how a message ended.
func result(err error) string {
	var refusal *approval.RefusalError
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, handlers.ErrFiltered):
		return "filtered"
	case errors.As(err, &refusal):
		return "refused"
	case approval.IsPermanent(err):
		return "invalid"
	}
	return "failed"
}

// Results lists how a message can end.
func Results() []string { return []string{"ok", "filtered", "refused", "invalid", "failed"} }

// deadLetter gives up what can never be handled: with its reason it becomes a
// dead letter, and only then the message is done. A shutdown or a failing store
// is no such thing.
func deadLetter(source string, letters DeadLetters, o Observer, log *slog.Logger) message.HandlerMiddleware {
	return func(h message.HandlerFunc) message.HandlerFunc {
		return func(msg *message.Message) ([]*message.Message, error) {
			out, err := h(msg)
			if err == nil || !approval.IsPermanent(err) {
				return out, err
			}
			ctx, cancel := context.WithTimeout(context.WithoutCancel(msg.Context()), letterTimeout)
			defer cancel()
			dead := store.DeadLetter{
				Source:     source,
				ReasonCode: approval.ReasonCodeOf(err),
				Reason:     err.Error(),
				Body:       msg.Payload,
				Metadata:   msg.Metadata,
				At:         time.Now(),
			}
			if _, putErr := letters.PutDeadLetter(ctx, dead); putErr != nil {
				return nil, fmt.Errorf("put dead letter: %w", putErr) // the queue hands it over again
			}
			o.DeadLettered(source)
			log.LogAttrs(ctx, slog.LevelError, "dead letter",
				slog.String("source", source), slog.String("message_id", msg.UUID), slog.String("reason_code", string(dead.ReasonCode)), slog.String("reason", err.Error()))
			return nil, nil
		}
	}
}

// letterTimeout bounds a dead letter queue that hangs.
const letterTimeout = 15 * time.Second

// recovering turns a panic into an error that is tried again; a queue's own
// redrive policy ends a message that panics always.
func recovering(h message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) (out []*message.Message, err error) {
		defer recovered(&err)
		return h(msg)
	}
}

// recovered is deferred: a panic becomes the error.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = &panicError{value: r, stack: debug.Stack()}
	}
}

// panicError is a panic of a handler. Its text has the place, not the value,
// which may hold what must not be logged.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic (%T) at\n%s", e.value, e.stack) }

// limit bounds the handler. The router cancels its messages when it closes, but
// what began is to be finished: the limit is on a context of its own, and gone
// from the message afterwards.
func limit(d time.Duration) message.HandlerMiddleware {
	return func(h message.HandlerFunc) message.HandlerFunc {
		return func(msg *message.Message) ([]*message.Message, error) {
			before := msg.Context()
			ctx, cancel := context.WithTimeout(context.WithoutCancel(before), d)
			defer func() {
				cancel()
				msg.SetContext(before)
			}()
			msg.SetContext(ctx)
			return h(msg)
		}
	}
}
