package record

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/approval-relay/approval-relay/approval"
)

// encoder writes the body of a record, and collects the texts and times in it. Each of them is written once, in a table
// before the body; the body has their indexes. An order repeats its texts and times a lot: the ID of an approval is in
// every event about it, and all that a transition does has the same time.
type encoder struct {
	body  []byte
	texts textTable
	times timeTable
	err   error // the first error of a value that cannot be written

	approvals []*approval.Approval
	tokens    []SealedToken // of the approvals that follow
}

// timeTable is the table of times of a record that is being written.
type timeTable struct {
	added []instant
	index map[instant]uint64 // used once there are more than fewTimes
	bytes []byte
}

// instant is a time without a zone.
type instant struct {
	seconds int64 // since 1970
	nanos   int64
}

func instantOf(t time.Time) instant { return instant{t.Unix(), int64(t.Nanosecond())} }

func (i instant) time() time.Time { return time.Unix(i.seconds, i.nanos).UTC() }

var encoders = sync.Pool{New: func() any {
	return &encoder{texts: newTextTable()}
}}

// maxPooled bounds the memory that an encoder or decoder keeps for the next record.
const maxPooled = 64 << 10

func newEncoder() *encoder {
	e, _ := encoders.Get().(*encoder)
	return e
}

// release gives the encoder back. Only small encoders are used again.
func (e *encoder) release() {
	if len(e.texts.added) > maxPooled/16 || len(e.times.added) > maxPooled/16 {
		return
	}
	e.texts.reset()
	clear(e.times.index)
	*e = encoder{
		body:  reuse(e.body),
		texts: e.texts,
		times: timeTable{index: e.times.index, added: e.times.added[:0], bytes: reuse(e.times.bytes)},
	}
	encoders.Put(e)
}

// reuse returns an empty buffer for the next record.
func reuse(b []byte) []byte {
	if cap(b) > maxPooled {
		return nil
	}
	return b[:0]
}

// textIndex returns the index of a text, which is added to the table if it is new.
func (e *encoder) textIndex(s string) uint64 {
	if n, ok := e.texts.find(s); ok {
		return n
	}
	return e.texts.add(s)
}

// timeIndex returns the index of a time. The index 0 is the zero time.
func (e *encoder) timeIndex(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	i := instantOf(t)
	if n := e.times.find(i); n > 0 {
		return n
	}
	e.times.add(i)
	return uint64(len(e.times.added))
}

// fewTimes are compared faster than they are looked up.
const fewTimes = 24

// find returns the index of a time, or 0.
func (t *timeTable) find(i instant) uint64 {
	if len(t.added) > fewTimes {
		return t.index[i]
	}
	for n := range t.added {
		if t.added[n] == i {
			return uint64(n) + 1
		}
	}
	return 0
}

// add adds a time to the table, as its distance from the time before it. The two parts have distances of their own,
// because a deadline and its beginning have the same nanoseconds.
func (t *timeTable) add(i instant) {
	var last instant
	if len(t.added) > 0 {
		last = t.added[len(t.added)-1]
	}
	t.bytes = binary.AppendUvarint(t.bytes, zigzag(i.seconds-last.seconds))
	t.bytes = binary.AppendUvarint(t.bytes, zigzag(i.nanos-last.nanos))
	t.added = append(t.added, i)
	switch {
	case len(t.added) > fewTimes+1:
		t.index[i] = uint64(len(t.added))
	case len(t.added) > fewTimes:
		if t.index == nil {
			t.index = make(map[instant]uint64, 2*fewTimes)
		}
		for n, was := range t.added {
			t.index[was] = uint64(n) + 1
		}
	}
}

// begin writes the beginning of a value with a length that is not known yet. It returns where its bytes begin, for end.
func (e *encoder) begin() int {
	e.body = append(e.body, 0)
	return len(e.body)
}

// end writes the length before the bytes that were written since begin.
func (e *encoder) end(start int) {
	n := len(e.body) - start
	if n < 0x80 {
		e.body[start-1] = byte(n)
		return
	}
	more := sizeOfNumber(uint64(n)) - 1
	for range more {
		e.body = append(e.body, 0)
	}
	copy(e.body[start+more:], e.body[start:start+n])
	binary.PutUvarint(e.body[start-1:], uint64(n))
}

func (e *encoder) number(n uint64) { e.body = binary.AppendUvarint(e.body, n) }

func (e *encoder) numberField(field, n uint64) {
	e.body = appendTag(e.body, field, wireNumber)
	e.body = binary.AppendUvarint(e.body, n)
}

func (e *encoder) bytesField(field uint64, b []byte) {
	e.body = appendTag(e.body, field, wireBytes)
	e.body = binary.AppendUvarint(e.body, uint64(len(b)))
	e.body = append(e.body, b...)
}
