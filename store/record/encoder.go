package record

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
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
	// isForeign is set if the table of texts may have some of the dictionary, from a program that did not know them.
	isForeign bool

	approvals []*approval.Approval
	tokens    []SealedToken // of the approvals that follow
}

// textTable is the table of texts of a record that is being written.
type textTable struct {
	index map[string]uint64 // of the texts of the dictionary too
	added []string
	bytes []byte
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
	e := &encoder{texts: textTable{index: make(map[string]uint64, 2*len(dictionary))}}
	for i, s := range dictionary {
		e.texts.index[s] = uint64(i) << 1
	}
	return e
}}

// maxPooled bounds the memory that an encoder or decoder keeps for the next record.
const maxPooled = 64 << 10

func newEncoder() *encoder {
	e, _ := encoders.Get().(*encoder)
	return e
}

// release gives the encoder back. Only a small one is used again.
func (e *encoder) release() {
	if e.isForeign || len(e.texts.added) > maxPooled/16 || len(e.times.added) > maxPooled/16 {
		return
	}
	for _, s := range e.texts.added {
		delete(e.texts.index, s)
	}
	clear(e.texts.added)
	clear(e.times.index)
	*e = encoder{
		body:  reuse(e.body),
		texts: textTable{index: e.texts.index, added: e.texts.added[:0], bytes: reuse(e.texts.bytes)},
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

// The forms of a text in the table: as it is, hexadecimal in half its bytes, or as another text with an end of its own.
const (
	formPlain = 0
	formHex   = 1
	formLong  = 2
	formBits  = 2
)

// maxPrefix bounds the text that another one begins with, so that a damaged table cannot become much longer text.
const maxPrefix = 128

// textIndex returns the index of a text: an even number for a text of the dictionary, an odd number for a text of the
// record's own table.
func (e *encoder) textIndex(s string) uint64 {
	n, ok := e.texts.index[s]
	if !ok {
		n = uint64(len(e.texts.added))<<1 | 1
		e.texts.add(s, n)
	}
	return n
}

// add adds a text to the table. The IDs of approvals and digests are hexadecimal. The ID of a notification is that of its
// approval, a dot and a number.
func (t *textTable) add(s string, index uint64) {
	t.index[s] = index
	t.added = append(t.added, s)
	if isHex(s) {
		t.bytes = binary.AppendUvarint(t.bytes, uint64(len(s)/2)<<formBits|formHex)
		t.bytes, _ = hex.AppendDecode(t.bytes, []byte(s))
		return
	}
	dot := strings.LastIndexByte(s, '.')
	if prefix, ok := t.index[s[:max(dot, 0)]]; ok && prefix&1 == 1 && dot >= minPrefix && dot <= maxPrefix {
		t.bytes = binary.AppendUvarint(t.bytes, uint64(len(s)-dot)<<formBits|formLong)
		t.bytes = binary.AppendUvarint(t.bytes, prefix>>1)
		t.bytes = append(t.bytes, s[dot:]...)
		return
	}
	t.bytes = binary.AppendUvarint(t.bytes, uint64(len(s))<<formBits|formPlain)
	t.bytes = append(t.bytes, s...)
}

const minPrefix = 4

// isHex reports whether a text is what hex.EncodeToString returns for at least 8 bytes.
func isHex(s string) bool {
	if len(s) < 16 || len(s)%2 != 0 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
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
// because a deadline and the time from which it counts have the same nanoseconds.
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
