package record

import (
	"encoding/binary"
	"encoding/hex"
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

// textTable is the table of texts of a record that is being written.
type textTable struct {
	index map[string]uint64
	bytes []byte
}

// timeTable is the table of times of a record that is being written.
type timeTable struct {
	index map[instant]uint64
	last  instant
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
	return &encoder{
		texts: textTable{index: map[string]uint64{}},
		times: timeTable{index: map[instant]uint64{}},
	}
}}

// maxPooled bounds the memory that an encoder keeps for the next record.
const maxPooled = 64 << 10

func newEncoder() *encoder {
	e, _ := encoders.Get().(*encoder)
	return e
}

// release gives the encoder back. Only a small one is used again.
func (e *encoder) release() {
	if cap(e.body) > maxPooled || cap(e.texts.bytes) > maxPooled || len(e.times.index) > maxPooled/64 {
		return
	}
	e.body = e.body[:0]
	e.texts.bytes = e.texts.bytes[:0]
	clear(e.texts.index)
	e.times.bytes = e.times.bytes[:0]
	e.times.last = instant{}
	clear(e.times.index)
	e.err, e.approvals, e.tokens = nil, nil, nil
	encoders.Put(e)
}

// textIndex returns the index of a text: an even number for a text of the dictionary, an odd number for a text of the
// record's own table.
func (e *encoder) textIndex(s string) uint64 {
	if s == "" {
		return 0
	}
	if n, ok := dictionaryIndex[s]; ok {
		return n << 1
	}
	if n, ok := e.texts.index[s]; ok {
		return n
	}
	n := uint64(len(e.texts.index))<<1 | 1
	e.texts.add(s, n)
	return n
}

// add adds a text to the table. The IDs of approvals and digests are hexadecimal, and are written in half their bytes.
func (t *textTable) add(s string, index uint64) {
	t.index[s] = index
	if isHex(s) {
		t.bytes = binary.AppendUvarint(t.bytes, uint64(len(s)/2)<<1|1)
		t.bytes, _ = hex.AppendDecode(t.bytes, []byte(s))
		return
	}
	t.bytes = binary.AppendUvarint(t.bytes, uint64(len(s))<<1)
	t.bytes = append(t.bytes, s...)
}

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
	if n, ok := e.times.index[i]; ok {
		return n
	}
	n := uint64(len(e.times.index)) + 1
	e.times.add(i, n)
	return n
}

// add adds a time to the table, as its distance from the time before it. The two parts have distances of their own,
// because a deadline and the time from which it counts have the same nanoseconds.
func (t *timeTable) add(i instant, index uint64) {
	t.index[i] = index
	t.bytes = binary.AppendUvarint(t.bytes, zigzag(i.seconds-t.last.seconds))
	t.bytes = binary.AppendUvarint(t.bytes, zigzag(i.nanos-t.last.nanos))
	t.last = i
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
