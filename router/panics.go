package router

import (
	"fmt"
	"runtime/debug"

	"github.com/ThreeDotsLabs/watermill/message"
)

// recoverPanics turns a panic of a handler into a temporary error. If a message always causes a panic, the redrive
// policy of its queue ends the redeliveries.
func recoverPanics(h message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) (out []*message.Message, err error) {
		defer catchPanic(&err)
		return h(msg)
	}
}

// catchPanic turns a panic into an error. It must be deferred.
func catchPanic(err *error) {
	if r := recover(); r != nil {
		*err = &panicError{value: r, stack: debug.Stack()}
	}
}

// panicError is a recovered panic. Its text has the stack and the type of the value, but not the value itself, because
// the value may contain a secret.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic (%T) at\n%s", e.value, e.stack) }
