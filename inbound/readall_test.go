package inbound

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// A body is read whole whatever its length and however it arrives, also while others are read into the same buffers.
func TestReadAll(t *testing.T) {
	t.Parallel()
	var readers sync.WaitGroup
	for i, size := range []int{0, 1, 100, chunkSize - 1, chunkSize, chunkSize + 1, 3*chunkSize + 7, 1 << 20} {
		for _, wrap := range []func(io.Reader) io.Reader{
			func(r io.Reader) io.Reader { return r }, iotest.HalfReader, iotest.DataErrReader,
		} {
			readers.Go(func() {
				want := bytes.Repeat([]byte{byte('a' + i)}, size)
				got, err := ReadAll(wrap(bytes.NewReader(want)))
				if err != nil || !bytes.Equal(got, want) || got == nil {
					t.Errorf("%d bytes: %d bytes, %v", size, len(got), err)
				}
			})
		}
	}
	readers.Wait()
	broken := errors.New("broken")
	got, err := ReadAll(io.MultiReader(bytes.NewReader(make([]byte, 2*chunkSize)), iotest.ErrReader(broken)))
	require.ErrorIs(t, err, broken)
	require.Nil(t, got)
}

// A body that does not end leaves little garbage: its buffers are used again. The race detector makes a sync.Pool forget
// some of them, so the bound is a share of what io.ReadAll leaves.
func TestUnfinishedBodiesLeaveLittleGarbage(t *testing.T) {
	half := make([]byte, 512<<10)
	garbage := func(read func(io.Reader) ([]byte, error)) int64 {
		return testing.Benchmark(func(b *testing.B) {
			for b.Loop() {
				_, err := read(io.MultiReader(bytes.NewReader(half), iotest.ErrReader(io.ErrUnexpectedEOF)))
				require.Error(b, err)
			}
		}).AllocedBytesPerOp()
	}
	require.Less(t, garbage(ReadAll), garbage(io.ReadAll)/2)
}
