package examples

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	jsonBlock = regexp.MustCompile("(?s)```json\n(.*?)```")
	// ofThisRun matches the members of an answer that differ from run to run.
	ofThisRun = regexp.MustCompile(`"(approvalId|approvalTimestamp|at|decisionId|shownDigest)": ?"[^"]*"`)
)

// guideBlocks returns the JSON in the guide to decisions: answers and parts of state machines.
func guideBlocks(t require.TestingT) (blocks []string) {
	for _, m := range jsonBlock.FindAllStringSubmatch(readFile(t, "../docs/decisions.md"), -1) {
		blocks = append(blocks, m[1])
	}
	return blocks
}

// matchGuide requires that the guide to decisions has this answer of an order, but for what differs from run to run.
func (r run) matchGuide(answer string) {
	order := jsonField(r, answer, "orderId")
	for _, block := range guideBlocks(r) {
		if jsonField(r, block, "orderId") == order {
			require.JSONEq(r, ofThisRun.ReplaceAllString(answer, `"$1":"…"`), ofThisRun.ReplaceAllString(block, `"$1":"…"`))
			return
		}
	}
	require.Fail(r, "the guide has no answer of this order")
}

// TestGuideStates requires that the states in the guide to decisions are those of the examples, which tests run.
func TestGuideStates(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*/*.asl.json")
	require.NoError(t, err)
	type states struct{ States map[string]any }
	compared := 0
	for _, block := range guideBlocks(t) {
		var guide states
		require.NoError(t, json.Unmarshal([]byte(block), &guide))
		for name, state := range guide.States {
			var found []any
			for _, file := range files {
				var example states
				require.NoError(t, json.Unmarshal([]byte(readFile(t, file)), &example))
				found = append(found, example.States[name])
			}
			require.Contains(t, found, state, name)
			compared++
		}
	}
	require.Equal(t, 3, compared)
}
