package operate

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The limits of a worker with many workflows, each with a queue of its own.
const (
	manyWorkflows        = 500
	maxSeriesPerWorkflow = 80
	maxMemory            = 256 << 20
)

// A worker with 500 workflows fits in 256 MiB, after its metrics were scraped several times.
func TestFiveHundredWorkflowsFit(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a worker with 500 queues")
	}
	few, _ := measureWorkflows(t, 1)
	many, memory := measureWorkflows(t, manyWorkflows)
	perWorkflow := float64(many-few) / (manyWorkflows - 1)
	t.Logf("%d workflows: %d series, %.1f a workflow, %d MiB", manyWorkflows, many, perWorkflow, memory>>20)
	require.LessOrEqual(t, perWorkflow, float64(maxSeriesPerWorkflow))
	require.Less(t, memory, int64(maxMemory))
}

// measureWorkflows returns the series of a worker with as many workflows, and its peak of resident memory in bytes.
func measureWorkflows(t *testing.T, workflows int) (series int, memory int64) {
	t.Helper()
	w := newWorld(t)
	var text strings.Builder
	text.WriteString("channels: {mail: {log: {}}}\nworkflows:\n")
	for i := range workflows {
		queue := fmt.Sprintf("requests-%03d", i)
		w.aws.SQS.CreateQueue(queue)
		fmt.Fprintf(&text, "  flow-%03d: {requests: {sqs: {queue: %s}}, approvers: [ann@example.com]}\n", i, queue)
	}
	k := w.start(t, w.config(t, text.String()), "GOMEMLIMIT=200MiB") // as the chart sets it for such a limit
	defer k.kill()
	await(t, "all queues are read", func() bool {
		return strings.Count(k.logs.String(), `"msg":"receiving"`) == workflows
	})
	var body string
	for range 3 { // as Prometheus does
		var status int
		status, body = httpDo(t, http.MethodGet, "http://"+k.operator+"/metrics", "")
		require.Equal(t, http.StatusOK, status)
	}
	for line := range strings.Lines(body) {
		if !strings.HasPrefix(line, "#") {
			series++
		}
	}
	return series, peakMemory(t, k.cmd.Process.Pid)
}

// peakMemory returns the largest resident memory that a process has had.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if os.IsNotExist(err) {
		t.Skip("there is no /proc")
	}
	require.NoError(t, err)
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	require.NotNil(t, m)
	kilobytes, err := strconv.ParseInt(string(m[1]), 10, 64)
	require.NoError(t, err)
	return kilobytes << 10
}
