package situations

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDecisionBeforeRequest(t *testing.T) {
	t.Parallel()
	r := start(t, "decision-before-request")
	decided := r.asProgram(http.MethodPost, "/v1/orders/A-1/decisions", r.read("decision.json"))
	require.Equal(t, http.StatusAccepted, decided.status, decided.text)
	require.Equal(t, "waiting", decided.field("verdict"))
	body := r.read("request.json")
	got := r.ask("orders", body)
	require.Equal(t, http.StatusAccepted, got.status, got.text)
	r.isAnswered(decodeObject(t, body)["taskToken"].(string))
	r.asked("A-2")
	require.Equal(t, "pending", string(r.pending("A-2").Status), "it is for its own order only")
}

func TestRetriedStateOldLink(t *testing.T) {
	t.Parallel()
	r := start(t, "retried-state-old-link")
	first := r.asked("A-1")
	r.eventually("the first link", func() bool { return len(r.links()) == 1 })
	r.aws.StepFunctions.ExpireTask(first)
	second := r.asked("A-1")
	r.eventually("the second link", func() bool { return len(r.links()) == 2 })
	r.eventually("the first page says that it was superseded, and has no form", func() bool {
		page := r.call(http.MethodGet, r.links()[0], "", "Accept", "text/html").text
		return strings.Contains(page, "Superseded") && !strings.Contains(page, `value="approve"`)
	})

	var mu sync.Mutex
	verdicts := map[string]int{}
	var deciders sync.WaitGroup
	for n := range 20 {
		deciders.Go(func() {
			got := r.asProgram(http.MethodPost, "/v1/orders/A-1/decisions",
				fmt.Sprintf(`{"decisionId":"race-%d","decision":%q}`, n, []string{"approve", "reject"}[n%2]))
			mu.Lock()
			defer mu.Unlock()
			verdicts[got.field("verdict")]++
		})
	}
	deciders.Wait()
	require.Equal(t, 1, verdicts["decided"], verdicts)
	require.Equal(t, 10, verdicts["conflict"], verdicts)
	r.eventually("one answer", func() bool {
		task, ok := r.aws.StepFunctions.FindTask(second)
		return ok && task.Effective == 1
	})
}

func TestHeartbeatWhilePeopleThink(t *testing.T) {
	t.Parallel()
	r := start(t, "heartbeat-while-people-think")
	token := r.aws.StepFunctions.OpenTask(time.Hour, 3*time.Second)
	silent := r.aws.StepFunctions.OpenTask(time.Hour, 3*time.Second)
	got := r.ask("orders", fmt.Sprintf(`{"orderId":"A-1","taskToken":%q}`, token))
	require.Equal(t, http.StatusAccepted, got.status, got.text)
	r.eventually("three heartbeats, and the end of a task without any", func() bool {
		beating, _ := r.aws.StepFunctions.FindTask(token)
		other, _ := r.aws.StepFunctions.FindTask(silent)
		return beating.Heartbeats >= 3 && other.Error != ""
	})
	r.isAnsweredAfterDecision("A-1")
	r.isAnswered(token)
}
