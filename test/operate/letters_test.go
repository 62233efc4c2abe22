package operate

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// twoKindsOfLetters has a workflow whose dead letters are in a queue of SQS, and one whose dead letters are in the store.
const twoKindsOfLetters = `
channels: {log: {log: {}}}
targets: {stepfunctions: {stepfunctions: {}}}
workflows:
  orders:
    requests: {sqs: {queue: orders, dead_letter_queue: orders-dead}}
    approvers: [ann@example.com]
    notify: [log]
  refunds:
    requests: {sqs: {queue: refunds}}
    approvers: [ann@example.com]
    notify: [log]
`

// An operator works off dead letters of both kinds by the command line. The counts are true before and after, bodies are
// shown only to who asks, and what is dismissed is gone.
func TestDeadLettersByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, queue := range []string{"orders", "orders-dead", "refunds"} {
		w.aws.SQS.CreateQueue(queue)
	}
	k := w.start(t, w.config(t, twoKindsOfLetters))
	for range 3 {
		w.aws.SQS.PutMessage("orders", `{"city":"Secretville"}`, nil) // has no order ID
		w.aws.SQS.PutMessage("refunds", `{"orderId":"R-1"}`, nil)     // has no task token
	}
	w.aws.SQS.PutMessage("orders", "no json", nil)
	w.aws.SQS.PutMessage("refunds", "no json", nil)
	awaitCounts := func(inStore, inQueue string) {
		t.Helper()
		await(t, "the counts are "+inStore+" and "+inQueue, func() bool {
			out := k.command(t, "deadletters")
			return strings.Contains(out, "in the store: "+inStore+"\n") &&
				strings.Contains(out, "in the queue orders-dead: about "+inQueue+"\n")
		})
	}
	awaitCounts("4", "4")
	require.Equal(t, "4", k.metric(t, "approval_relay_dead_letters"))

	table := k.command(t, "deadletters")
	require.Equal(t, 8, strings.Count(table, " invalid_field:"))
	require.NotContains(t, table, "Secretville")
	for line := range strings.Lines(table) {
		require.Less(t, len([]rune(line)), 220, "a line that a terminal can show")
	}
	require.Contains(t, k.command(t, "deadletters", "-o", "csv"), "ExecutionArn", "the whole error")
	require.NotContains(t, k.logs.String(), "bodies of dead letters")
	require.Contains(t, k.command(t, "deadletters", "--bodies"), "Secretville")
	require.Contains(t, k.logs.String(), `"level":"WARN","msg":"bodies of dead letters were shown"`)

	out, err := k.tryCommand(t, "redrive", "--reason=invalid_field:body")
	require.Error(t, err, "nobody can be asked")
	require.Contains(t, out, "use --yes")
	require.Contains(t, k.command(t, "redrive", "--yes", "--reason=invalid_field:body"),
		"redriven 1 (of them put back on their queue: 1), failed again at once 1\n")
	awaitCounts("4", "4")

	_, err = k.tryCommand(t, "dismiss-letters", "--code=invalid_field:order", "--reason=tests")
	require.Error(t, err, "it must be confirmed")
	require.Contains(t, k.command(t, "dismiss-letters", "--code=invalid_field:order", "--reason=tests", "--yes"),
		"dismissed 3 dead letter(s), of them in queues: 3\n")
	require.Contains(t, k.command(t, "dismiss-letters", "--code=invalid_field:token", "--reason=tests", "--yes"),
		"dismissed 3 dead letter(s), of them in queues: 0\n")
	awaitCounts("1", "1")
	require.Equal(t, "1", k.metric(t, "approval_relay_dead_letters"))
	require.Equal(t, 2, strings.Count(k.logs.String(), `"level":"WARN","msg":"dead letters dismissed"`))
}
