package api

import (
	"errors"
	"io"
	"sync/atomic"
)

// maxBodyMemory bounds the memory of all request bodies together, in bytes. A
// signature covers a whole body, so we must keep a body in memory before we know
// its sender. Without this bound, a few hundred large bodies from strangers would
// use all our memory.
const maxBodyMemory = 64 << 20

// errBusy is returned when in-flight request bodies use up the memory budget. It
// is temporary.
var errBusy = errors.New("too many requests are being read")

// bodyBudget is the memory that is left for request bodies, in bytes.
type bodyBudget struct{ left atomic.Int64 }

// budgetedBody is a request body that counts against the budget.
type budgetedBody struct {
	io.ReadCloser
	budget *bodyBudget
	taken  int64
}

// Read implements io.Reader. It counts the bytes that have arrived, not the length
// that the client announced.
func (b *budgetedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if full := b.reserve(int64(n)); full != nil {
		return n, full
	}
	return n, err
}

// reserve counts n bytes that are made of the body, such as decompressed ones. They are released with the body.
func (b *budgetedBody) reserve(n int64) error {
	b.taken += n
	if b.budget.left.Add(-n) < 0 {
		return errBusy
	}
	return nil
}

// release returns the body's bytes to the budget.
func (b *budgetedBody) release() { b.budget.left.Add(b.taken) }
