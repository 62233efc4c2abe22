package operate

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/store/dynamodb/dynamodbtest"
)

// A store moves to DynamoDB and back with its workers stopped. Approvals, dead letters and pauses are there after each move, and
// what was asked on one store is decided and answered on the next.
func TestMoveToATableAndBack(t *testing.T) {
	t.Parallel()
	table, err := dynamodbtest.Start(t.Context())
	if errors.Is(err, dynamodbtest.ErrMissing) {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { _ = table.Stop() })
	w := newWorld(t)
	w.aws.SQS.CreateQueue("orders")
	file := w.config(t, oneWorkflow)
	inTable := w.config(t, fmt.Sprintf("\nstore: {dynamodb: {table: relay, create: true, endpoint: %q}}\n", table.URL)+oneWorkflow)
	back := filepath.Join(w.dir, "back.db")
	inFile := w.config(t, fmt.Sprintf("\nstore: {sqlite: %q}\n", back)+oneWorkflow)

	k := w.start(t, file)
	var tokens []string
	for i := range 10 {
		tokens = append(tokens, w.ask(t, k, "orders", fmt.Sprintf("A-%d", i), time.Hour, 0))
	}
	w.aws.SQS.PutMessage("orders", "no json", nil)
	await(t, "a dead letter", func() bool { return k.metric(t, "approval_relay_dead_letters") == "1" })
	k.decide(t, "A-0")
	await(t, "the workflow is answered", func() bool { return w.task(t, tokens[0]).Effective == 1 })
	require.Equal(t, http.StatusOK, k.call(t, "PUT", "/v1/controls", `{"mode":"drain","reason":"the move"}`, nil))
	stop := func() {
		t.Helper()
		k.terminate(t)
		require.NoError(t, k.awaitEnd(t))
	}
	stop()

	move := func(from, to config) string {
		t.Helper()
		c := exec.CommandContext(t.Context(), program(t, "plain"), "store", "migrate", "--from="+from.path, "--to="+to.path)
		c.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x", "AWS_EC2_METADATA_DISABLED=true")
		out, err := c.CombinedOutput()
		require.NoError(t, err, string(out))
		return string(out)
	}
	require.Regexp(t, `(?s)10 orders, digest .* 1 dead letter, digest .* 1 control`, move(file, inTable))
	k = w.start(t, inTable)
	require.Contains(t, k.command(t, "controls"), "the move")
	require.Equal(t, 9, strings.Count(k.command(t, "requests"), " pending "))
	k.decide(t, "A-1")
	await(t, "the workflow is answered", func() bool { return w.task(t, tokens[1]).Effective == 1 })
	stop()

	require.Regexp(t, `(?s)10 orders, digest .* 1 dead letter, digest `, move(inTable, inFile))
	k = w.start(t, inFile)
	require.Equal(t, 8, strings.Count(k.command(t, "requests"), " pending "))
	require.Contains(t, k.command(t, "deadletters"), "in the store: 1\n")
	k.decide(t, "A-2")
	await(t, "the workflow is answered", func() bool { return w.task(t, tokens[2]).Effective == 1 })
	for i, token := range tokens {
		require.Equal(t, i < 3, w.task(t, token).Effective == 1, "A-%d", i)
	}
	stop()
	require.Contains(t, run(t, "store", "check", back, "--keys="+filepath.Join(w.dir, "keys")), "back.db is sound")
}
