package inbound

import (
	"errors"
	"io"
	"sync"
)

// chunkSize is the size of the buffers that bodies are read into, in bytes: that of one read.
const chunkSize = maxRead

type chunk [chunkSize]byte

var chunks = sync.Pool{New: func() any { return new(chunk) }}

// ReadAll reads a body to its end, as io.ReadAll does. Until then its memory is borrowed: bodies that never end, of which
// a flood has any number, leave no garbage behind, which would be a multiple of what they hold.
func ReadAll(body io.Reader) ([]byte, error) {
	var full []*chunk
	current, n := chunks.Get().(*chunk), 0
	defer func() {
		chunks.Put(current)
		for _, c := range full {
			chunks.Put(c)
		}
	}()
	for {
		got, err := body.Read(current[n:])
		n += got
		switch {
		case errors.Is(err, io.EOF):
			return joinChunks(full, current[:n]), nil
		case err != nil:
			return nil, err
		case n == chunkSize:
			full = append(full, current)
			current, n = chunks.Get().(*chunk), 0
		}
	}
}

// joinChunks returns a copy of the chunks and of the bytes after them.
func joinChunks(full []*chunk, rest []byte) []byte {
	out := make([]byte, 0, len(full)*chunkSize+len(rest))
	for _, c := range full {
		out = append(out, c[:]...)
	}
	return append(out, rest...)
}
