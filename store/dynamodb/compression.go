package dynamodb

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Long records are stored compressed, because AWS bills writes by the kilobyte. A short record gains a few percent only,
// because most of it is a sealed token, so it is stored as it is. The first byte names the method.
const (
	plain    = 0
	deflated = 1
	// maxPlain is the size up to which a record is stored as it is.
	maxPlain = 2 << 10
)

// Compressors and decompressors are used again for further records: each compressor has more than a megabyte of tables.
var (
	fastCompressors  = sync.Pool{New: func() any { return newCompressor(flate.BestSpeed) }}
	tightCompressors = sync.Pool{New: func() any { return newCompressor(flate.BestCompression) }}
	decompressors    = sync.Pool{New: func() any { return flate.NewReader(bytes.NewReader(nil)) }}
)

func newCompressor(level int) *flate.Writer {
	w, err := flate.NewWriter(io.Discard, level)
	if err != nil {
		panic(err) // the level is a constant of package flate
	}
	return w
}

// compress returns a record as it is stored. A long one is compressed with one of two levels: flate.BestSpeed or
// flate.BestCompression.
func compress(b []byte, level int) ([]byte, error) {
	if len(b) <= maxPlain {
		return append([]byte{plain}, b...), nil
	}
	pool := &fastCompressors
	if level == flate.BestCompression {
		pool = &tightCompressors
	}
	w := pool.Get().(*flate.Writer)
	defer pool.Put(w)
	var out bytes.Buffer
	out.Grow(len(b)/2 + 64)
	out.WriteByte(deflated)
	w.Reset(&out)
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	err := w.Close()
	w.Reset(io.Discard) // the pool must not hold the record
	return out.Bytes(), err
}

// maxDecompressed bounds the memory that a stored record can take.
const maxDecompressed = 64 << 20

func decompress(b []byte) ([]byte, error) {
	if len(b) > 0 && b[0] == plain {
		return b[1:], nil
	}
	if len(b) == 0 || b[0] != deflated {
		return nil, errors.New("its compression is unknown")
	}
	r := decompressors.Get().(io.ReadCloser)
	defer decompressors.Put(r)
	if err := r.(flate.Resetter).Reset(bytes.NewReader(b[1:]), nil); err != nil {
		return nil, err
	}
	out := bytes.NewBuffer(make([]byte, 0, 4*len(b)))
	n, err := out.ReadFrom(io.LimitReader(r, maxDecompressed+1))
	if err == nil && n > maxDecompressed {
		err = fmt.Errorf("it has more than %d MiB", maxDecompressed>>20)
	}
	return out.Bytes(), err
}
