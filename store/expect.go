package store

import "context"

// newExpected is the key of the context of ExpectNew.
type newExpected struct{}

// ExpectNew returns a context for the Update of an order that is most likely new. A store that would have to read the
// order first may save that read. The result is the same if the order exists.
func ExpectNew(ctx context.Context) context.Context {
	return context.WithValue(ctx, newExpected{}, true)
}

// IsNewExpected reports whether the context is one of ExpectNew.
func IsNewExpected(ctx context.Context) bool { return ctx.Value(newExpected{}) != nil }
