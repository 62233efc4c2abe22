package router

import (
	"errors"
	"io"
	"sync/atomic"
)

// maxHeld is how much of the bodies of requests is held at once, in bytes. A
// signature is of a whole body, so anybody can make us hold one until we know
// that it is nobody's: without a bound a few hundred of them are all our memory.
const maxHeld = 64 << 20

// errFull says that the bodies of others leave no room. It passes.
var errFull = errors.New("too much is being read")

// held is a body that counts against the room there is for all of them.
type held struct {
	io.ReadCloser
	left *atomic.Int64
	took int64
}

// Read implements io.Reader. It counts what has come, not what was announced.
func (h *held) Read(p []byte) (int, error) {
	n, err := h.ReadCloser.Read(p)
	h.took += int64(n)
	if h.left.Add(-int64(n)) < 0 {
		return n, errFull
	}
	return n, err
}

// release gives the room back.
func (h *held) release() { h.left.Add(h.took) }
