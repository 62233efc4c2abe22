// Package record writes the records of orders, and reads them.
//
// A record is binary. In its order:
//
//   - the byte Mark, which never begins a JSON text. Earlier programs wrote JSON, which package store still reads;
//   - the two versions, as varints;
//   - the table of texts: its length in bytes, and each text with its length. The lowest two bits of the length have the form
//     of the text: hexadecimal texts take half their bytes, and a text may begin with another text;
//   - the table of times: its length in bytes, and each time as its distance from the time before it;
//   - the fields of the order;
//   - the CRC-32C of all bytes before it, in 4 bytes, the lowest first.
//
// A value with fields is a sequence of fields that differ from zero, in the order of their numbers. A field is a tag
// and a value. The tag has the number of the field and the kind of the value. The value is a varint, or a length and
// bytes. A list is the number of its elements and each element with its length. Texts and times are numbers: indexes of
// the tables, or of the dictionary.
//
// A newer program may add fields. An older program finds their ends by their kinds, and Encode writes them again, at all
// depths. Their numbers may refer to the tables, so Encode then begins with the tables of the record before.
package record

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/approval-relay/approval-relay/approval"
)

// Mark is the first byte of every record. It is not UTF-8, so it differs from the first byte of every JSON text.
const Mark = 0xB1

// Versions are the versions of a record, see package store.
type Versions struct {
	Reader int `json:"v"`
	Writer int `json:"w"`
}

// Content is the content of a record.
type Content struct {
	Versions
	Order *approval.Order
	// Tokens are the sealed task tokens, in the order of their approvals. The tokens of the order itself are empty.
	Tokens []SealedToken
	// HasUnknown reports whether the record has fields that this program does not know.
	HasUnknown bool
}

// Is reports whether a record is binary, as this package writes it.
func Is(b []byte) bool { return len(b) > 0 && b[0] == Mark }

const sumSize = 4

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) } // it is made once

// Encode returns the record of a content. If before is not empty, it is the record before, and its unknown fields are kept.
func Encode(c Content, before []byte) ([]byte, error) {
	e := newEncoder()
	defer e.release()
	e.approvals, e.tokens = c.Order.Approvals, c.Tokens
	if len(before) > 0 {
		if err := e.beginWithTables(before); err != nil {
			return nil, err
		}
	}
	orderLayout.encode(e, c.Order)
	if e.err != nil {
		return nil, e.err
	}
	body := e.body
	if len(before) > 0 {
		p, err := split(before)
		if err != nil {
			return nil, err
		}
		body = merge(orderLayout, p.body, body)
	}
	size := 1 + 4*binary.MaxVarintLen32 + len(e.texts.bytes) + len(e.times.bytes) + len(body) + sumSize
	b := make([]byte, 0, size)
	b = append(b, Mark)
	b = binary.AppendUvarint(b, uint64(c.Reader))
	b = binary.AppendUvarint(b, uint64(c.Writer))
	b = binary.AppendUvarint(b, uint64(len(e.texts.bytes)))
	b = append(b, e.texts.bytes...)
	b = binary.AppendUvarint(b, uint64(len(e.times.bytes)))
	b = append(b, e.times.bytes...)
	b = append(b, body...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli())), nil
}

// Decode returns the content of a record. Only the sealed tokens refer to b. The content of a record for newer readers is its
// versions alone.
func Decode(b []byte, reader int) (Content, error) {
	p, err := split(b)
	if err != nil {
		return Content{}, err
	}
	if p.sum != crc32.Checksum(b[:len(b)-sumSize], castagnoli()) {
		if len(b) <= maxPooled { // a large buffer could take much memory
			if _, err := p.decode(); err != nil {
				return Content{}, err
			}
		}
		return Content{}, &fault{text: "was changed or cut off: its checksum differs"}
	}
	if p.Reader > reader {
		return Content{Versions: p.Versions}, nil
	}
	return p.decode()
}

// VersionsOf returns the versions of a record; both are 0 if it cannot be read.
func VersionsOf(b []byte) Versions {
	p, err := split(b)
	if err != nil {
		return Versions{}
	}
	return p.Versions
}

// parts are the parts of a record.
type parts struct {
	Versions
	texts, times []byte
	body         []byte
	sum          uint32
}

func split(b []byte) (p parts, err error) {
	if !Is(b) || len(b) < 1+sumSize {
		return p, errCut()
	}
	end := len(b) - sumSize
	p.sum = binary.LittleEndian.Uint32(b[end:])
	c := cursor{b: b[1:end]}
	reader, isReader := c.number()
	writer, isWriter := c.number()
	if !isReader || !isWriter || reader > maxVersion || writer > maxVersion {
		return p, &fault{"version", "is out of range"}
	}
	p.Versions = Versions{int(reader), int(writer)}
	var ok bool
	if p.texts, ok = c.bytes(); !ok {
		return p, within("texts", errCut())
	}
	if p.times, ok = c.bytes(); !ok {
		return p, within("times", errCut())
	}
	p.body = b[1+c.at : end]
	return p, nil
}

const maxVersion = 1 << 20

func (p parts) decode() (Content, error) {
	d := newDecoder()
	defer d.release()
	if err := d.readTexts(p.texts); err != nil {
		return Content{}, within("texts", err)
	}
	if err := d.readTimes(p.times); err != nil {
		return Content{}, within("times", err)
	}
	o := &approval.Order{}
	if err := orderLayout.decode(d, p.body, o); err != nil {
		return Content{}, within("order", err)
	}
	for i, a := range o.Approvals {
		if n := len(d.tokens) - len(d.owners); len(d.owners) > 0 && d.owners[0] == a {
			d.tokens[n].Index = i
			d.owners = d.owners[1:]
		}
	}
	return Content{
		Versions:   p.Versions,
		Order:      o,
		Tokens:     d.tokens,
		HasUnknown: d.hasUnknown,
	}, nil
}
