package inbound

import (
	"cmp"
	"container/list"
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/approval-relay/approval-relay/remote"
)

// A body must arrive at a least rate: after the grace, minRate bytes for each second since it began. And it must be
// whole after maxBodyTime, so that the answer is written within the server's WriteTimeout.
const (
	bodyGrace   = 5 * time.Second
	minRate     = 1 << 10
	maxBodyTime = 30 * time.Second
)

// A body takes memory in pieces of maxRead. Up to smallBody it does not wait for it, so that usual bodies arrive at once
// also during a flood. A larger body waits for the memory of each piece, for at most maxWait.
const (
	maxRead   = 8 << 10
	smallBody = 24 << 10
	maxWait   = 2 * time.Second
)

// Errors of reading a body. Both are answers of their own, see package api.
var (
	// ErrBusy is returned for a body that had to give up its memory for others. It is temporary.
	ErrBusy = errors.New("no memory is left for this body now")
	// ErrSlow is returned for a body that did not arrive fast enough.
	ErrSlow = errors.New("the body did not arrive fast enough")
)

// Bodies is the memory for the bodies of the requests of one listener. A signature covers a whole body, so a body must
// be kept before its sender is known.
//
// If the memory does not suffice, a body that is still arriving gives up its own. It belongs to the share that holds the
// most, and it is the body that has held most of its memory for the longest time without progress. A share is a source of
// requests and a remote, so that neither one source nor one remote takes everything. Shares that sent a verified request
// lately come last, unless they hold more than their part.
type Bodies struct {
	limit int64
	now   func() time.Time

	mu       sync.Mutex
	used     int64     // by all bodies
	leaving  int64     // by those of them that had to give up their memory and still hold it
	waiting  list.List // of chan struct{}, closed when there is memory
	shares   map[shareKey]*share
	verified *recent[shareKey, struct{}]
}

type shareKey struct {
	source string
	remote netip.Prefix
}

// share is the memory of the bodies of one source and remote that are still arriving.
type share struct {
	arriving list.List // of *body; the first is the oldest
	used     int64
}

const (
	// verifiedTime is how long a share counts as verified, and maxVerified how many shares do so at once.
	verifiedTime = time.Hour
	maxVerified  = 4096
	// protectedParts is how many shares can be protected from others at once: each holds one of so many parts.
	protectedParts = 4
)

// NewBodies returns memory of so many bytes.
func NewBodies(limit int64, now func() time.Time) *Bodies {
	return &Bodies{
		limit:    limit,
		now:      now,
		shares:   map[shareKey]*share{},
		verified: newRecent[shareKey, struct{}](maxVerified),
	}
}

// Used returns the number of bytes that bodies take.
func (b *Bodies) Used() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// Serve serves a request that takes the memory of its body from b, until it is answered. The source is that of the share.
func (b *Bodies) Serve(w http.ResponseWriter, r *http.Request, source string, next http.Handler) {
	if r.Body == nil || r.ContentLength == 0 {
		next.ServeHTTP(w, r)
		return
	}
	taken := &body{
		ReadCloser: r.Body,
		owner:      b,
		key:        shareKey{source, prefixOf(remote.Address(r))},
		control:    *http.NewResponseController(w),
		connection: connectionOf(r),
		began:      b.now(),
	}
	r = r.WithContext(context.WithValue(r.Context(), bodyKey{}, taken))
	r.Body = taken
	taken.begin()
	defer taken.release()
	next.ServeHTTP(w, r)
}

type bodyKey struct{}

// MarkVerified records that the credential or signature of a request was right, and so protects the share of its body.
func MarkVerified(r *http.Request) {
	if taken, ok := r.Context().Value(bodyKey{}).(*body); ok {
		b := taken.owner
		b.mu.Lock()
		defer b.mu.Unlock()
		b.verified.put(taken.key, struct{}{}, b.now().Add(verifiedTime))
	}
}

// Reserve takes memory for n bytes that are made of the body of a request, such as the decompressed ones. It is returned
// with that of the body.
func Reserve(r *http.Request, n int64) error {
	if taken, ok := r.Context().Value(bodyKey{}).(*body); ok && !taken.owner.take(taken, n) {
		return ErrBusy
	}
	return nil
}

// body is a request body that takes its memory from Bodies. The fields from deadline on are guarded by the owner's mutex.
type body struct {
	io.ReadCloser
	owner      *Bodies
	key        shareKey
	control    http.ResponseController
	connection *connection
	began      time.Time

	deadline  time.Time // of reading
	taken     int64
	progress  time.Time     // when bytes arrived last
	arriving  *list.Element // nil when the body is whole, is answered, or had to give up its memory
	displaced bool
}

func (b *body) begin() {
	b.owner.mu.Lock()
	s := b.owner.shares[b.key]
	if s == nil {
		s = &share{}
		b.owner.shares[b.key] = s
	}
	b.arriving = s.arriving.PushBack(b)
	b.moveDeadline()
	b.owner.mu.Unlock()
	b.connection.setWaiting(true)
}

// Read implements io.Reader. It counts the bytes that have arrived, not the length that the client announced.
func (b *body) Read(p []byte) (int, error) {
	if !b.owner.waitForMemory(b) {
		return 0, ErrBusy
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), maxRead)])
	switch {
	case !b.owner.take(b, int64(n)):
		return n, ErrBusy
	case errors.Is(err, io.EOF):
		b.end()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, ErrSlow
	}
	return n, err
}

// moveDeadline gives the client the time until its next bytes must have arrived. It is moved by a second at least,
// because a fast body has many reads.
func (b *body) moveDeadline() {
	allowed := bodyGrace + time.Duration(b.taken)*time.Second/minRate
	deadline := b.began.Add(min(allowed, maxBodyTime))
	if deadline.Sub(b.deadline) >= time.Second {
		b.deadline = deadline
		_ = b.control.SetReadDeadline(deadline) // a connection without deadlines is a test's
	}
}

// end is called when the body is whole. Only then the read deadline ends. net/http watches the connection while the
// handler works, and would take a deadline for the end of the client. But it also reads the rest of a body that the
// handler did not want before it answers, which must end too.
func (b *body) end() {
	if b.owner.settle(b) {
		b.connection.setWaiting(false)
		_ = b.control.SetReadDeadline(time.Time{})
	}
}

// release returns the memory of the body.
func (b *body) release() {
	b.owner.mu.Lock()
	defer b.owner.mu.Unlock()
	b.owner.leave(b)
	b.owner.free(b)
}

// waitForMemory waits until there is memory for bytes of a body, and makes some if nobody is about to return any. It
// reports whether the body may go on.
func (b *Bodies) waitForMemory(of *body) bool {
	began := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		waited := b.now().Sub(began)
		switch {
		case of.displaced, waited > maxWait:
			return false
		case b.used <= b.limit, of.taken < smallBody:
			of.began = of.began.Add(waited) // the client is not to blame
			return true
		}
		if v := b.victim(); v != nil && b.leaving == 0 {
			b.displace(v)
			continue
		}
		b.waitForRelease()
	}
}

// waitForRelease gives up the lock until another body has returned its memory, or for a second.
func (b *Bodies) waitForRelease() {
	freed := make(chan struct{})
	place := b.waiting.PushBack(freed)
	b.mu.Unlock()
	timer := time.NewTimer(time.Second)
	select {
	case <-freed:
	case <-timer.C:
	}
	timer.Stop()
	b.mu.Lock()
	b.waiting.Remove(place)
}

// free returns memory, and lets as many bodies go on as it suffices for.
func (b *Bodies) free(of *body) {
	b.used -= of.taken
	if of.displaced {
		b.leaving -= of.taken
	}
	of.taken = 0
	for room := b.limit - b.used; room > 0 && b.waiting.Len() > 0; room -= maxRead {
		close(b.waiting.Remove(b.waiting.Front()).(chan struct{}))
	}
}

// take counts n bytes more of a body, and reports whether the body may go on.
func (b *Bodies) take(of *body, n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if of.displaced {
		return false
	}
	of.taken += n
	of.progress = b.now()
	b.used += n
	if of.arriving != nil {
		b.shares[of.key].used += n
	}
	for b.used-b.leaving > b.limit && !of.displaced {
		b.displace(cmp.Or(b.victim(), of))
	}
	if of.arriving != nil {
		of.moveDeadline()
	}
	return !of.displaced
}

// settle records that a body is not arriving any more, and reports whether it was until now. It keeps its memory.
func (b *Bodies) settle(of *body) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.leave(of)
}

// leave takes a body out of the list of its share.
func (b *Bodies) leave(of *body) bool {
	if of.arriving == nil {
		return false
	}
	s := b.shares[of.key]
	s.arriving.Remove(of.arriving)
	of.arriving = nil
	s.used -= of.taken
	if s.arriving.Len() == 0 {
		delete(b.shares, of.key)
	}
	return true
}
