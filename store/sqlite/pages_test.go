package sqlite

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// TestPagesOfAnApproval counts the pages that approvals write to the log, one approval at a time. Each of them has two
// commits: an end shares the next commit. It has a page of records for each of the four updates, and a page of
// each index that an update changes; 23 before updates were compared with the row.
func TestPagesOfAnApproval(t *testing.T) {
	t.Parallel()
	const approvals = 100
	var commits atomic.Int64
	s := open(t, Config{Observe: func(Commit) { commits.Add(1) }})
	for i := range approvals {
		var ends errgroup.Group
		require.NoError(t, wholeApproval(t.Context(), s, &ends, fmt.Sprint("order-", i)))
		require.NoError(t, ends.Wait())
	}
	log, err := os.ReadFile(s.config.Path + "-wal")
	require.NoError(t, err)
	page := int(binary.BigEndian.Uint32(log[8:]))
	frames := (len(log) - 32) / (page + 24)
	require.LessOrEqual(t, frames, 16*approvals)
	require.LessOrEqual(t, commits.Load(), int64(4*approvals))
}
