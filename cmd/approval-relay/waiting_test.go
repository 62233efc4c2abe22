package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/test/emulator"
)

// heartbeats returns the number of heartbeats that a task has accepted.
func (p place) heartbeats(token string) int {
	task, _ := p.aws.StepFunctions.FindTask(token)
	return task.Heartbeats
}

// TestHeartbeatsWhilePeopleThink shows that a task with HeartbeatSeconds stays open while nobody decides.
func TestHeartbeatsWhilePeopleThink(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, true, "heartbeat: 1s"))
	token := p.aws.StepFunctions.OpenTask(time.Hour, 30*time.Second)
	texts, _ := p.bodies(t, "heartbeat.json")
	p.aws.SQS.PutMessage("requests", withToken(texts[0], token), nil)
	eventually(t, "heartbeats for longer than the task lives without", func() bool { return p.heartbeats(token) >= 4 })
	if got := press(t, r.link(t, "A-1"), "approve"); got.status != http.StatusSeeOther {
		t.Errorf("%d %s", got.status, got.text)
	}
	if task := r.task(t, token); task.State != emulator.TaskSucceeded {
		t.Errorf("%s after %d heartbeats", task.State, task.Heartbeats)
	}
}

// withToken returns the body of a request with another token.
func withToken(body, token string) string {
	before, rest, _ := strings.Cut(body, `"taskToken": "`)
	_, after, _ := strings.Cut(rest, `"`)
	return before + `"taskToken": "` + token + `"` + after
}

// TestHeartbeatsUntilTheAnswer shows that a decided task stays open while the answers are throttled and heartbeats are
// not, and after the retries are exhausted, until a redrive has answered it.
func TestHeartbeatsUntilTheAnswer(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, true, endsSoon+"\n    heartbeat: 1s"))
	token := p.aws.StepFunctions.OpenTask(time.Hour, 30*time.Second)
	p.aws.SQS.PutMessage("requests", fmt.Sprintf(`{"orderId":"A-1","taskToken":%q}`, token), nil)
	r.pending(t, "A-1")
	p.aws.StepFunctions.SetFaults(emulator.Faults{Throttle: 1}, emulator.ActionSuccess, emulator.ActionFailure)
	r.hub(t, decideBody("d", "A-1", "approve", ""))
	state := func() api.CallbackState { return r.order(t, "A-1").Approvals[0].Callback.State }
	more := func(while string) {
		from := p.heartbeats(token)
		eventually(t, "heartbeats "+while, func() bool { return p.heartbeats(token) >= from+4 })
	}
	more("while the callback is retried")
	eventually(t, "exhausted", func() bool { return state() == api.CallbackExhausted })
	more("while it is exhausted")
	p.aws.StepFunctions.SetFaults(emulator.Faults{})
	got := do(t, "POST", r.operator+"/v1/redrive", `{"by":"ops"}`, "Authorization", "Bearer "+operatorSecret)
	if got.status != http.StatusOK && got.status != http.StatusAccepted {
		t.Fatalf("redrive: %d %s", got.status, got.text)
	}
	if task := r.task(t, token); task.State != emulator.TaskSucceeded {
		t.Errorf("%s after %d heartbeats", task.State, task.Heartbeats)
	}
	eventually(t, "delivered", func() bool { return state() == api.CallbackDelivered })
}

// sentAt returns the attributes of a message that was first sent before, and moved back to its queue since.
func sentAt(before time.Duration) map[string]emulator.Attribute {
	text := time.Now().Add(-before).UTC().Format(time.RFC3339Nano)
	return map[string]emulator.Attribute{"ApprovalRelaySentAt": {DataType: "String", StringValue: text}}
}

// TestFirstHeartbeatOfALateRequest shows that a request which waited in its queue gets its first heartbeat at once.
func TestFirstHeartbeatOfALateRequest(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, true, "heartbeat: 20m"))
	late, prompt := p.aws.StepFunctions.OpenTask(2*time.Hour, time.Hour), p.aws.StepFunctions.OpenTask(2*time.Hour, time.Hour)
	p.aws.SQS.PutMessage("requests", fmt.Sprintf(`{"orderId":"prompt","taskToken":%q}`, prompt), nil)
	r.pending(t, "prompt")
	p.aws.SQS.PutMessage("requests", fmt.Sprintf(`{"orderId":"late","taskToken":%q}`, late), sentAt(30*time.Minute))
	r.pending(t, "late")
	eventually(t, "a heartbeat", func() bool { return p.heartbeats(late) == 1 })
	if n := p.heartbeats(prompt); n != 0 {
		t.Errorf("%d heartbeats of a task that has just begun", n)
	}
}

// TestStartLongBeforeTheSending shows that the start of an execution is not taken for the start of its state: the
// approval is not timed out by it, and the history says that the time was not used.
func TestStartLongBeforeTheSending(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, true, ""))
	for i, field := range []string{"startedAt", "enteredTime", "deadline", "approvalDeadline"} {
		order, token := fmt.Sprint("A-", i), p.aws.StepFunctions.OpenTask(time.Hour, 0)
		start := time.Now().Add(-48 * time.Hour).UTC()
		p.aws.SQS.PutMessage("requests", fmt.Sprintf(`{"orderId":%q,%q:%q,"taskToken":%q}`, order, field, start.Format(time.RFC3339), token), nil)
		a := r.approvals(t, order, 1)[0]
		if left := time.Until(a.Deadline); a.Status != approval.Pending || left < 23*time.Hour || left > 25*time.Hour {
			t.Errorf("%s: %s, its deadline is in %s", field, a.Status, left)
		}
		noted := false
		for _, e := range r.order(t, order).History {
			noted = noted || strings.Contains(e.Note, "is not used")
		}
		if task, _ := p.aws.StepFunctions.FindTask(token); task.State != emulator.TaskOpen || !noted {
			t.Errorf("%s: the task is %s; noted: %t", field, task.State, noted)
		}
	}
}

// TestOldLinkOfARetriedState opens the link of an attempt that has timed out, after the state was retried, and lets
// twenty deciders race for the new one.
func TestOldLinkOfARetriedState(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, true, ""))
	texts, tokens := p.bodies(t, "retried_state.json")
	p.aws.SQS.PutMessage("requests", texts[0], nil)
	old := r.link(t, "A-1")
	page := do(t, "GET", old, "").text
	p.aws.StepFunctions.ExpireTask(tokens[0])
	fresh := p.aws.StepFunctions.OpenTask(time.Hour, 0)
	p.aws.SQS.PutMessage("requests", withToken(texts[0], fresh), nil)
	r.settled(t, "A-1", 1, 2)
	if got := do(t, "GET", old, ""); !strings.Contains(got.text, "has sent a newer request") {
		t.Errorf("the old link: %d %.2000s", got.status, got.text)
	}
	if got := send(t, old, "reject", page); got.status != http.StatusConflict && got.status != http.StatusGone {
		t.Errorf("the old page, submitted: %d %.2000s", got.status, got.text)
	}
	verdicts := map[any]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			got := r.hub(t, decideBody(fmt.Sprint("d", i), "A-1", []string{"approve", "reject"}[i%2], ""))
			mu.Lock()
			defer mu.Unlock()
			verdicts[got.body["verdict"]]++
		})
	}
	all.Wait()
	if verdicts["decided"] != 1 || verdicts["repeated"] != 9 || verdicts["conflict"] != 10 {
		t.Errorf("%v", verdicts)
	}
	if task := r.task(t, fresh); task.Effective != 1 {
		t.Errorf("%+v", task)
	}
	if task, _ := p.aws.StepFunctions.FindTask(tokens[0]); task.State != emulator.TaskTimedOut {
		t.Errorf("the old task is %s", task.State)
	}
}
