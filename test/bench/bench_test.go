package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStubIsEmptiedByEveryConsumer(t *testing.T) {
	t.Parallel()
	s, err := startStub()
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.server.Close() })
	for name, c := range map[string]struct {
		consume  consumer
		messages int
		calls    float64
	}{"ours": {ourSubscriber, 500, 0.23}, "loop": {plainLoop, 500, 0.23}, "watermill-aws": {watermillAWS, 10, 2.1}} {
		_, calls, err := consumeAll(t.Context(), s, name, c.messages, c.consume)
		require.NoError(t, err)
		assert.InDelta(t, c.calls, calls, 0.03+c.calls/10, name)
		assert.Equal(t, c.messages, s.queueNamed(name).deleted, name)
	}
}

func TestRing(t *testing.T) {
	t.Parallel()
	q := newQueue()
	q.putBodies("a", "b", "c")
	assert.Equal(t, 2, strings.Count(string(q.receiveUpTo(t.Context(), 2, time.Second)), "MessageId"))
	for _, handle := range []string{"0", "0", "2", "x", "-1"} { // the last three were never handed out
		q.deleteMessage(handle)
	}
	assert.Equal(t, 1, q.deleted)
	assert.Equal(t, 1, strings.Count(string(q.receiveUpTo(t.Context(), 10, time.Second)), "MessageId"))
	assert.Equal(t, "{}", string(q.receiveUpTo(t.Context(), 10, time.Millisecond)), "a long poll that found nothing")
	q.deleteMessage("1")
	q.deleteMessage("2")
	require.NoError(t, q.waitUntilEmpty(t.Context()))
}

func TestTable(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	printTable(
		&out,
		[]row{
			atLeast("speed", "10/s", "5/s", 2, 1.8),
			atMost("calls", "", "floor", 0.2104, 0.21),
			atMost("way", "", "", 1.345, 1.5).asRatio(),
		},
	)
	assert.Equal(t, `| what  | measured | against | ratio or count | limit  | ok? |
|-------|----------|---------|----------------|--------|-----|
| speed | 10/s     | 5/s     | 2×             | ≥ 1.8× | ok  |
| calls |          | floor   | 0.21           | ≤ 0.21 | NO  |
| way   |          |         | 1.34×          | ≤ 1.5× | ok  |
`, out.String())
}

// TestGrownCountsFail holds that the comparison of counts can fail.
func TestGrownCountsFail(t *testing.T) {
	t.Parallel()
	recorded := counts{"calls": 4, "lines": 1, "bytes": 0, "not measured here": 9}
	for name, c := range map[string]struct {
		now  counts
		fail []string
	}{
		"the same":         {counts{"calls": 4, "lines": 1, "bytes": 0}, nil},
		"less":             {counts{"calls": 1}, nil},
		"a tenth more":     {counts{"calls": 4.39, "lines": 1.1}, nil},
		"more than that":   {counts{"calls": 4.41, "lines": 1}, []string{"calls"}},
		"twice, and other": {counts{"calls": 8, "lines": 1.2}, []string{"calls", "lines"}},
		"no longer 0":      {counts{"bytes": 1}, []string{"bytes"}},
		"never recorded":   {counts{"calls": 4, "writes": 1}, []string{"writes"}},
	} {
		var failed []string
		for _, r := range compareCounts(recorded, c.now) {
			if !r.ok {
				failed = append(failed, r.what)
			}
		}
		assert.Equal(t, c.fail, failed, name)
	}
}

// TestCounts fails on a count that grew by more than a tenth since it was recorded. A change that needs more records the
// counts anew, and says why.
func TestCounts(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "approval-relay")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/approval-relay").CombinedOutput()
	require.NoError(t, err, string(out))
	var table, progress strings.Builder
	err = run(t.Context(), []string{
		"-bench.binary", binary, "-bench.dir", t.TempDir(), "-bench.baseline", "baseline.json", "-bench.run", "^counts$",
	}, &table, &progress)
	t.Log(progress.String() + "\n" + table.String())
	require.NoError(t, err, "if this growth is needed: go run ./test/bench -bench.run counts -bench.record")
}

func TestMedians(t *testing.T) {
	t.Parallel()
	assert.InDelta(t, 2.0, median([]float64{3, 1, 2}), 0)
	assert.Equal(t, 99*time.Second, quantile(countedSeconds(100), 0.99))
	assert.InDelta(t, 2.0, ratio([]float64{2, 9, 4}, []float64{1, 1, 2}), 0)
}

func countedSeconds(n int) (out []time.Duration) {
	for i := range n {
		out = append(out, time.Duration(i+1)*time.Second)
	}
	return out
}
