package refusal

import (
	"context"
	"sync"
	"sync/atomic"
)

// Call has the facts of a call over HTTP that its refusal is recorded with. The server puts it in the context of each
// request, and learns from it whether a handler has recorded the refusal already.
type Call struct {
	Source string
	Route  string
	Remote string
	// Size counts the bytes of the body that were read.
	Size atomic.Int64

	mu        sync.Mutex
	described Refusal
	principal string
	recorded  bool
}

type callKey struct{}

// WithCall returns a context with the call.
func WithCall(ctx context.Context, c *Call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// CallOf returns the call of a context, or nil.
func CallOf(ctx context.Context) *Call {
	c, _ := ctx.Value(callKey{}).(*Call)
	return c
}

// SetPrincipal keeps the ID of the authenticated sender.
func (c *Call) SetPrincipal(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.principal = id
}

// Describe keeps why the call is refused, for the server that records it when it was answered. A later description
// replaces an earlier one.
func (c *Call) Describe(r Refusal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.Body = c.described.Body
	c.described = r
}

// KeepBody keeps the body of the call, to be recorded if it is refused.
func (c *Call) KeepBody(body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.described.Body = body
}

// Described returns what Describe and KeepBody have kept.
func (c *Call) Described() Refusal {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.described
}

// Complete returns the refusal with the facts of the call in the fields that are empty, and marks the call as recorded.
// Recorders call it.
func (c *Call) Complete(r Refusal) Refusal {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recorded = true
	fill(&r.Source, c.Source)
	fill(&r.Route, c.Route)
	fill(&r.Remote, c.Remote)
	fill(&r.Principal, c.principal)
	if r.Size == 0 {
		r.Size = int(c.Size.Load())
	}
	return r
}

func fill(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// IsRecorded reports whether a refusal of the call was recorded.
func (c *Call) IsRecorded() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.recorded
}
