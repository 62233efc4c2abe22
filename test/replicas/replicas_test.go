package replicas

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/store/postgres/postgrestest"
	"github.com/approval-relay/approval-relay/test/emulator"
)

// TestForeignKeysOnASharedTable starts a worker with keys of its own beside another: it ends at once and names the keys, and
// the other goes on.
func TestForeignKeysOnASharedTable(t *testing.T) {
	t.Parallel()
	refuseForeignKeys(t, newWorld(t, startTable(t)))
}

func TestForeignKeysOnASharedDatabase(t *testing.T) {
	t.Parallel()
	refuseForeignKeys(t, newWorld(t, postgresStore(startDatabase(t).URL())))
}

func refuseForeignKeys(t *testing.T, w *world) {
	t.Helper()
	first := w.startWorker(t)
	w.postToAny(t, 0, "/v1/requests", `{"orderId": "o-1", "taskToken": "AQC-o-1"}`)
	own, foreign := readRing(t, filepath.Join(w.dir, "keys")), keys.NewRing(time.Now())
	require.NoError(t, foreign.CreateFile(filepath.Join(w.dir, "foreign")))

	stranger := w.startProcess(t, "foreign")
	<-stranger.done
	require.Equal(t, 1, stranger.cmd.ProcessState.ExitCode(), stranger.log.String())
	require.Contains(t, stranger.log.String(), " was sealed with key "+own.PrimaryID())
	require.Contains(t, stranger.log.String(), "has only key "+foreign.PrimaryID())

	w.workers = []*worker{first, w.startWorker(t)} // the control: a worker with the same keys
	w.postToAny(t, 1, "/v1/orders/o-1/decisions", `{"decisionId": "d-1", "decision": "approve", "decidedBy": "ann@example.com"}`)
}

func readRing(t *testing.T, file string) *keys.Ring {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	ring, err := keys.ParseFile(text)
	require.NoError(t, err)
	return ring
}

// TestOneOfTwoIsKilled kills one of two workers half-way.
func TestOneOfTwoIsKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, startTable(t))
	w.startWorker(t)
	w.startWorker(t)
	w.answerAll(t, func(done int) {
		if done == orders/2 {
			w.workers[0].kill()
		}
	})
}

// TestWorkersOnPostgreSQL runs three workers on a database that fails.
func TestWorkersOnPostgreSQL(t *testing.T) {
	t.Parallel()
	t.Run("a worker is killed, then another", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, postgresStore(startDatabase(t).URL()))
		w.startWorkers(t, 3)
		w.answerAll(t, func(done int) {
			switch done {
			case orders / 3:
				w.workers[0].kill()
			case 2 * orders / 3:
				w.workers[1].kill()
			}
		})
		w.checkStore(t)
	})
	t.Run("the server is killed twice, and a worker with it", func(t *testing.T) {
		t.Parallel()
		server := startDatabase(t)
		w := newWorld(t, postgresStore(server.URL()))
		w.startWorkers(t, 3)
		w.answerAll(t, func(done int) {
			if done != orders/3 && done != 2*orders/3 {
				return
			}
			require.NoError(t, server.Kill())
			if done == 2*orders/3 {
				w.workers[0].kill()
			}
			require.NoError(t, server.Launch(t.Context()))
		})
		w.checkStore(t)
	})
	t.Run("connections break, and a worker is killed", func(t *testing.T) {
		t.Parallel()
		proxy := startProxy(t, startDatabase(t))
		w := newWorld(t, postgresStore("postgres://relay@"+proxy.Listen+"/relay"))
		w.startWorkers(t, 3)
		w.answerAll(t, func(done int) {
			if done%5 == 0 {
				disturb(t, proxy, done/5)
			}
			if done == orders/2 {
				w.workers[0].kill()
			}
		})
		w.checkStore(t)
	})
	t.Run("through a pooler, a worker and the server are killed", func(t *testing.T) {
		t.Parallel()
		server := startDatabase(t)
		w := newWorld(t, postgresStore(postgrestest.RunPooler(t, server)))
		w.startWorkers(t, 3)
		w.answerAll(t, func(done int) {
			switch done {
			case orders / 3:
				w.workers[0].kill()
			case orders / 2:
				require.NoError(t, server.Kill())
				require.NoError(t, server.Launch(t.Context()))
			}
		})
		w.checkStore(t)
	})
}

// orders is the number of orders of a run.
const orders = 60

// answerAll sends requests and decisions to one of the workers and repeats them to the next. It calls disturb before each
// order. Each workflow must get one answer, with the right decision.
func (w *world) answerAll(t *testing.T, disturb func(done int)) {
	t.Helper()
	w.aws.StepFunctions.SetFaults(emulator.Faults{Throttle: 0.1, LoseReply: 0.1, Fail: 0.05})
	tokens := make([]string, orders)
	var group sync.WaitGroup
	work := make(chan int)
	for range 6 {
		group.Go(func() {
			for i := range work {
				w.ask(t, i, tokens[i])
			}
		})
	}
	for i := range orders {
		tokens[i] = w.aws.StepFunctions.OpenTask(10*time.Minute, 0)
		disturb(i)
		work <- i
	}
	close(work)
	group.Wait()
	w.requireAnswers(t, tokens)
	survivor := w.workers[len(w.workers)-1]
	waitUntil(t, func() bool {
		return strings.Contains(w.readMetrics(t, survivor), "\napproval_relay_approvals_pending{workflow=\"orders\"} 0\n")
	})
	for _, p := range w.workers {
		p.stop()
		require.NotContains(t, p.log.String(), apiToken)
		require.NotContains(t, p.log.String(), "panic")
		for _, token := range tokens {
			require.NotContains(t, p.log.String(), token)
		}
	}
}

// ask sends a request and its decision, each to two workers. Of some orders the decision is sent first.
func (w *world) ask(t *testing.T, i int, token string) {
	t.Helper()
	request := fmt.Sprintf(`{"orderId": "o-%d", "taskToken": %q}`, i, token)
	decision := fmt.Sprintf(`{"decisionId": "d-%d", "decision": %q, "decidedBy": "ann@example.com"}`, i, outcomeOf(i))
	both := [][2]string{{"/v1/requests", request}, {fmt.Sprintf("/v1/orders/o-%d/decisions", i), decision}}
	if i%5 == 0 {
		both[0], both[1] = both[1], both[0]
	}
	for n, m := range both {
		w.postToAny(t, i+n, m[0], m[1])
		w.postToAny(t, i+n+1, m[0], m[1])
	}
}

// requireAnswers waits until all tasks have ended.
func (w *world) requireAnswers(t *testing.T, tokens []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for i, token := range tokens {
		task, err := w.aws.StepFunctions.WaitForTask(ctx, token)
		require.NoError(t, err, "order o-%d", i)
		require.Equal(t, 1, task.Effective)
		want := emulator.TaskSucceeded
		if outcomeOf(i) == "reject" {
			want = emulator.TaskFailed
		}
		require.Equal(t, want, task.State, "order o-%d: %+v", i, task)
	}
}

func outcomeOf(i int) string {
	if i%3 == 0 {
		return "reject"
	}
	return "approve"
}
