package record

import (
	"encoding/hex"
	"sync"

	"github.com/approval-relay/approval-relay/approval"
)

// decoder reads the body of a record, with the tables before it.
type decoder struct {
	texts      []string
	joined     []byte // all texts, for readTexts
	ends       []int  // the end of each text in joined
	times      []instant
	tokens     []SealedToken
	owners     []*approval.Approval // of the tokens
	hasUnknown bool
}

var decoders = sync.Pool{New: func() any { return &decoder{} }}

func newDecoder() *decoder {
	d, _ := decoders.Get().(*decoder)
	return d
}

func (d *decoder) release() {
	if cap(d.joined) > maxPooled || cap(d.texts)*16 > maxPooled || cap(d.times)*16 > maxPooled {
		return
	}
	clear(d.texts)
	*d = decoder{
		texts: d.texts[:0], joined: d.joined[:0],
		ends: d.ends[:0], times: d.times[:0],
	}
	decoders.Put(d)
}

// fault is an error in a record, with the place of it.
type fault struct {
	place string
	text  string
}

func (f *fault) Error() string {
	if f.place == "" {
		return f.text
	}
	return f.place + " " + f.text
}

// within adds the name of the surrounding field to the place of a fault.
func within(name string, err error) error {
	f, ok := err.(*fault) //nolint:errorlint // only this package makes these errors, unwrapped
	switch {
	case !ok:
		return &fault{name, err.Error()}
	case f.place == "":
		f.place = name
	case f.place[0] == '[':
		f.place = name + f.place
	default:
		f.place = name + "." + f.place
	}
	return f
}

func errCut() error   { return &fault{text: "is cut off"} }
func errKind() error  { return &fault{text: "has a value of another kind"} }
func errRange() error { return &fault{text: "is out of range"} }
func errReference() error {
	return &fault{text: "refers to a text or time that the record does not have"}
}

// readTexts reads the table of texts. All of them become parts of one string.
func (d *decoder) readTexts(table []byte) error {
	for c := (cursor{b: table}); !c.isAtEnd(); {
		head, ok := c.number()
		size, base := head>>formBits, uint64(0)
		isLong := head&(1<<formBits-1) == formLong
		if isLong && ok {
			base, ok = c.number()
		}
		text, isThere := c.take(size)
		switch {
		case !ok || !isThere:
			return errCut()
		case isLong && (base >= uint64(len(d.ends)) || d.sizeOf(base) > maxPrefix):
			return errReference()
		case isLong:
			d.joined = append(d.joined, d.joined[d.startOf(base):d.ends[base]]...)
			fallthrough
		case head&(1<<formBits-1) == formPlain:
			d.joined = append(d.joined, text...)
		case head&(1<<formBits-1) == formHex:
			d.joined = hex.AppendEncode(d.joined, text)
		default:
			return errKind()
		}
		d.ends = append(d.ends, len(d.joined))
	}
	all, start := string(d.joined), 0
	for _, end := range d.ends {
		d.texts = append(d.texts, all[start:end])
		start = end
	}
	return nil
}

func (d *decoder) startOf(text uint64) int {
	if text == 0 {
		return 0
	}
	return d.ends[text-1]
}

func (d *decoder) sizeOf(text uint64) int { return d.ends[text] - d.startOf(text) }

func (d *decoder) readTimes(table []byte) error {
	var last instant
	for c := (cursor{b: table}); !c.isAtEnd(); {
		seconds, ok := c.number()
		nanos, isThere := c.number()
		if !ok || !isThere {
			return errCut()
		}
		last.seconds += unzigzag(seconds)
		last.nanos += unzigzag(nanos)
		if last.nanos < 0 || last.nanos > 999_999_999 {
			return errRange()
		}
		d.times = append(d.times, last)
	}
	return nil
}

// text returns the text with an index.
func (d *decoder) text(index uint64) (string, error) {
	switch n := index >> 1; {
	case index&1 == 0 && n < uint64(len(dictionary)):
		return dictionary[n], nil
	case index&1 == 1 && n < uint64(len(d.texts)):
		return d.texts[n], nil
	}
	return "", errReference()
}

// instant returns the time with an index, which is not 0.
func (d *decoder) instant(index uint64) (instant, error) {
	if index > uint64(len(d.times)) {
		return instant{}, errReference()
	}
	return d.times[index-1], nil
}
