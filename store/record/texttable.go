package record

import (
	"encoding/binary"
	"encoding/hex"
	"hash/maphash"
	"strings"
)

// textTable is the table of texts of a record that is being written. A hash table has the index of each text: an even number
// for a text of the dictionary, an odd number for a text of the record's own table. It takes less time than a map, because
// a copy of the slots removes the texts of a record again.
type textTable struct {
	seed  maphash.Seed
	slots []uint32 // the indexes plus 1, or 0; their number is a power of 2
	empty []uint32 // the slots with the dictionary alone
	added []string
	bytes []byte
}

// firstSlots is the number of slots of a new table: enough for the dictionary and an ordinary record.
const firstSlots = 512

func newTextTable() textTable {
	t := textTable{seed: maphash.MakeSeed(), slots: make([]uint32, firstSlots)}
	for i, s := range dictionary {
		t.put(s, uint32(i)<<1)
	}
	t.empty = append(t.empty, t.slots...)
	return t
}

// reset removes the texts of a record.
func (t *textTable) reset() {
	t.slots = t.slots[:firstSlots]
	copy(t.slots, t.empty)
	clear(t.added)
	t.added = t.added[:0]
	t.bytes = reuse(t.bytes)
}

// text returns the text with an index.
func (t *textTable) text(index uint32) string {
	if index&1 == 0 {
		return dictionary[index>>1]
	}
	return t.added[index>>1]
}

// slot returns the place of a text in the slots: the slot with its index, or the free slot for it.
func (t *textTable) slot(s string) *uint32 {
	mask := uint64(len(t.slots) - 1)
	for i := maphash.String(t.seed, s) & mask; ; i = (i + 1) & mask {
		if p := &t.slots[i]; *p == 0 || t.text(*p-1) == s {
			return p
		}
	}
}

func (t *textTable) find(s string) (index uint64, ok bool) {
	n := *t.slot(s)
	return uint64(n) - 1, n > 0
}

// put sets the index of a text. At least half of the slots stay free.
func (t *textTable) put(s string, index uint32) {
	*t.slot(s) = index + 1
	if 2*(len(dictionary)+len(t.added)) <= len(t.slots) {
		return
	}
	before := t.slots
	t.slots = make([]uint32, 2*len(before))
	for _, n := range before {
		if n > 0 {
			*t.slot(t.text(n - 1)) = n
		}
	}
}

// The forms of a text in the table: as it is, hexadecimal in half its bytes, or as another text with an end of its own.
const (
	formPlain = 0
	formHex   = 1
	formLong  = 2
	formBits  = 2
)

// The bounds of a text that begins another text. A damaged table cannot become much longer text.
const (
	minPrefix = 4
	maxPrefix = 128
)

// add adds a text to the table, and returns its index. The IDs of approvals and digests are hexadecimal. The ID of a
// notification is that of its approval, a dot and a number.
func (t *textTable) add(s string) uint64 {
	index := uint32(len(t.added))<<1 | 1
	dot := max(strings.LastIndexByte(s, '.'), 0)
	prefix, isKnown := t.find(s[:dot])
	switch {
	case isHex(s):
		t.bytes = binary.AppendUvarint(t.bytes, uint64(len(s)/2)<<formBits|formHex)
		t.bytes, _ = hex.AppendDecode(t.bytes, []byte(s))
	case isKnown && prefix&1 == 1 && dot >= minPrefix && dot <= maxPrefix:
		t.bytes = binary.AppendUvarint(t.bytes, uint64(len(s)-dot)<<formBits|formLong)
		t.bytes = binary.AppendUvarint(t.bytes, prefix>>1)
		t.bytes = append(t.bytes, s[dot:]...)
	default:
		t.bytes = binary.AppendUvarint(t.bytes, uint64(len(s))<<formBits|formPlain)
		t.bytes = append(t.bytes, s...)
	}
	t.added = append(t.added, s)
	t.put(s, index)
	return uint64(index)
}

// isHex reports whether a text is the hexadecimal form, as by hex.EncodeToString, of at least 8 bytes.
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
