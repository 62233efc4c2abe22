package router

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/store"
)

// deadLetterTimeout bounds a dead letter queue that hangs.
const deadLetterTimeout = 15 * time.Second

// deadLetterError is the error of a message that became a dead letter. The message is settled; the error only tells the
// middleware outside why.
type deadLetterError struct{ cause error }

// Error implements error.
func (e *deadLetterError) Error() string { return e.cause.Error() }

// Unwrap returns the permanent error.
func (e *deadLetterError) Unwrap() error { return e.cause }

// writeDeadLetters makes a dead letter of a message with a permanent error, and then returns a deadLetterError.
// Temporary errors, such as a shutdown or a failing store, pass through: the queue delivers the message again.
func writeDeadLetters(
	s Source, o Observer, refusals refusal.Recorder, log *slog.Logger, now func() time.Time,
) message.HandlerMiddleware {
	return func(h message.HandlerFunc) message.HandlerFunc {
		return func(msg *message.Message) ([]*message.Message, error) {
			out, err := h(msg)
			if err == nil || !approval.IsPermanent(err) {
				return out, err
			}
			ctx, cancel := context.WithTimeout(context.WithoutCancel(msg.Context()), deadLetterTimeout)
			defer cancel()
			dead := store.DeadLetter{
				Source:     s.Name,
				ReasonCode: approval.ReasonCodeOf(err),
				Reason:     err.Error(),
				Body:       msg.Payload,
				Metadata:   msg.Metadata,
				At:         now(),
			}
			if _, putErr := s.DeadLetters.PutDeadLetter(ctx, dead); putErr != nil {
				return nil, fmt.Errorf("put dead letter: %w", putErr)
			}
			o.DeadLettered(s.Name)
			log.LogAttrs(ctx, slog.LevelError, "dead letter",
				slog.String("source", s.Name),
				slog.String("message_id", msg.UUID),
				slog.String("reason_code", string(dead.ReasonCode)),
				slog.String("reason", err.Error()),
			)
			refused := handlers.DescribeRefusal(err)
			refused.Source, refused.Size = s.Name, len(msg.Payload)
			refusals.RecordRefusal(ctx, refused)
			return nil, &deadLetterError{err}
		}
	}
}
