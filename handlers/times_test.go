package handlers_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/metadata"
)

// from returns the time that is this long after the arrival of the request.
func from(d time.Duration) time.Time { return began.Add(d) }

// body returns a request with more fields. Times are written as the context object of Step Functions has them.
func body(fields map[string]any) string {
	all := map[string]any{"orderId": "A-1", "taskToken": token}
	for name, v := range fields {
		if at, ok := v.(time.Time); ok {
			v = at.Format(time.RFC3339Nano)
		}
		all[name] = v
	}
	text, _ := json.Marshal(all)
	return string(text)
}

// The deadline of an approval follows from the request and the configuration. The request was sent 10 s before it
// arrived.
func TestDeadline(t *testing.T) {
	t.Parallel()
	const sent = -10 * time.Second
	ofTask := func(timeout time.Duration) func(*handlers.Workflow) {
		return func(w *handlers.Workflow) { w.TaskTimeout = timeout }
	}
	for name, c := range map[string]struct {
		body     map[string]any
		change   func(*handlers.Workflow)
		deadline time.Duration
		expires  time.Duration // 0 is not known
	}{
		"the workflow's deadline, from when it was sent": {
			change: func(w *handlers.Workflow) { w.Deadline = time.Hour }, deadline: sent + time.Hour,
		},
		"an earlier deadline of the request": {
			body: map[string]any{"approvalDeadline": from(10 * time.Minute)}, deadline: 10 * time.Minute,
		},
		"not a later one": {
			body: map[string]any{"approvalDeadline": from(24 * time.Hour)}, deadline: sent + 24*time.Hour,
		},
		"not one that is over when it was sent": {
			body: map[string]any{"approvalDeadline": from(-30 * time.Second)}, deadline: sent + 24*time.Hour,
		},
		"nor one at the time of sending": {
			body: map[string]any{"approvalDeadline": from(sent)}, deadline: sent + 24*time.Hour,
		},
		"nor with a clock 5 s ahead": {
			body: map[string]any{"approvalDeadline": from(sent + 5*time.Second)}, deadline: sent + 24*time.Hour,
		},
		"but with 6 s": {
			body: map[string]any{"approvalDeadline": from(sent + 6*time.Second)}, deadline: sent + 6*time.Second,
		},
		"the state's timeout, less the margin": {
			body: map[string]any{"timeoutSeconds": 600}, deadline: sent + 570*time.Second, expires: sent + 600*time.Second,
		},
		"a short one, less a tenth but 5 s": {
			body: map[string]any{"timeoutSeconds": 40}, deadline: sent + 35*time.Second, expires: sent + 40*time.Second,
		},
		"a very short one, less half": {
			body: map[string]any{"timeoutSeconds": 6}, deadline: sent + 3*time.Second, expires: sent + 6*time.Second,
		},
		"the configured timeout": {
			change: ofTask(10 * time.Minute), deadline: sent + 570*time.Second, expires: sent + 600*time.Second,
		},
		"the request's over the configured": {
			body: map[string]any{"timeoutSeconds": 900}, change: ofTask(10 * time.Minute),
			deadline: sent + 870*time.Second, expires: sent + 900*time.Second,
		},
		"a timeout beyond the deadline changes nothing": {
			body: map[string]any{"timeoutSeconds": 864000}, deadline: sent + 24*time.Hour, expires: sent + 240*time.Hour,
		},
		"without a margin": {
			body: map[string]any{"timeoutSeconds": 600}, change: func(w *handlers.Workflow) { w.Margin = 0 },
			deadline: sent + 600*time.Second, expires: sent + 600*time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse()
			var change []func(*handlers.Workflow)
			if c.change != nil {
				change = append(change, c.change)
			}
			m := msg(t, body(c.body), metadata.SentAt, from(sent).Format(time.RFC3339Nano))
			require.NoError(t, h.requests(change...).Handle(m))
			a := h.approval(t, "A-1")
			require.Equal(t, from(c.deadline), a.Deadline.UTC())
			if c.expires == 0 {
				require.True(t, a.TaskExpires.IsZero())
			} else {
				require.Equal(t, from(c.expires), a.TaskExpires.UTC())
			}
		})
	}
}

// An attempt of a state begins when its message was sent. The time at which the state was entered is kept if it is
// plausible, and tells nothing else: a retry has a new token and its whole timeout, and the time of the first attempt.
func TestTheClockOfAnAttemptStartsWhenItsMessageWasSent(t *testing.T) {
	t.Parallel()
	const (
		unknown   = time.Duration(1<<63 - 1)
		day       = 24 * time.Hour
		isRead    = ""
		isFuture  = "after the message was sent"
		isTooOld  = "long before the message was sent"
		isOver    = "deadline is not used"
		noNumber  = "is not a number"
		tolerance = 10 * time.Second
	)
	for name, c := range map[string]struct {
		body    map[string]any
		sent    time.Duration // unknown for HTTP
		started time.Duration
		entered time.Duration
		note    string
	}{
		"no time": {sent: -tolerance, started: -tolerance, entered: unknown},
		"the entry, a moment before": {
			body: map[string]any{"enteredTime": from(-11 * time.Second)},
			sent: -tolerance, started: -tolerance, entered: -11 * time.Second,
		},
		"the entry, a minute before": {
			body: map[string]any{"enteredTime": from(-70 * time.Second)},
			sent: -tolerance, started: -tolerance, entered: -70 * time.Second,
		},
		"the entry, longer before": {
			body: map[string]any{"enteredTime": from(-71 * time.Second)},
			sent: -tolerance, started: -tolerance, entered: unknown, note: isTooOld,
		},
		"a retry with its number, entered 20 hours ago": {
			body: map[string]any{"enteredTime": from(-20 * time.Hour), "retryCount": 1},
			sent: -tolerance, started: -tolerance, entered: -20 * time.Hour,
		},
		"the number as a text": {
			body: map[string]any{"enteredTime": from(-20 * time.Hour), "retryCount": "2"},
			sent: -tolerance, started: -tolerance, entered: -20 * time.Hour,
		},
		"a retry without its number": {
			body: map[string]any{"enteredTime": from(-20 * time.Hour)},
			sent: -tolerance, started: -tolerance, entered: unknown, note: isTooOld,
		},
		"a redriven execution": {
			body: map[string]any{"enteredTime": from(-9 * day), "retryCount": 0, "redriveCount": 1},
			sent: -tolerance, started: -tolerance, entered: -9 * day,
		},
		"a number that is none": {
			body: map[string]any{"enteredTime": from(-11 * time.Second), "retryCount": "twice"},
			sent: -tolerance, started: -tolerance, entered: -11 * time.Second, note: noNumber,
		},
		"a negative number": {
			body: map[string]any{"retryCount": -1}, sent: -tolerance, started: -tolerance, entered: unknown, note: noNumber,
		},
		"an object in place of a number": {
			body: map[string]any{"redriveCount": map[string]any{}},
			sent: -tolerance, started: -tolerance, entered: unknown, note: noNumber,
		},
		"the start of the execution, two days ago": {
			body: map[string]any{"startedAt": from(-2 * day)},
			sent: -tolerance, started: -tolerance, entered: unknown, note: isTooOld,
		},
		"a deadline that is the entry": {
			body: map[string]any{"approvalDeadline": from(-11 * time.Second)},
			sent: -tolerance, started: -tolerance, entered: -11 * time.Second,
		},
		"the token's expiration that is the entry of a retried state": {
			body: map[string]any{"taskTokenExpiration": from(-20 * time.Hour), "retryCount": 1},
			sent: -tolerance, started: -tolerance, entered: -20 * time.Hour,
		},
		"the same without its number": {
			body: map[string]any{"taskTokenExpiration": from(-20 * time.Hour)},
			sent: -tolerance, started: -tolerance, entered: unknown, note: isOver,
		},
		"a deadline of days ago beside the entry": {
			body: map[string]any{"approvalDeadline": from(-3 * day), "enteredTime": from(-11 * time.Second)},
			sent: -tolerance, started: -tolerance, entered: -11 * time.Second, note: isOver,
		},
		"a letter of two days ago, redriven": {
			body: map[string]any{"enteredTime": from(-2*day - time.Second)},
			sent: -2 * day, started: -2 * day, entered: -2*day - time.Second,
		},
		"a retry of two days ago, redriven": {
			body: map[string]any{"enteredTime": from(-3 * day), "retryCount": 3},
			sent: -2 * day, started: -2 * day, entered: -3 * day,
		},
		"our clock is behind the queue's": {
			body: map[string]any{"enteredTime": from(2 * time.Second)},
			sent: 3 * time.Second, started: 3 * time.Second, entered: 2 * time.Second,
		},
		"the clock of the workflow is ahead of the queue's": {
			body: map[string]any{"enteredTime": from(-8 * time.Second)},
			sent: -tolerance, started: -tolerance, entered: -8 * time.Second,
		},
		"far ahead": {
			body: map[string]any{"enteredTime": from(time.Hour)},
			sent: -tolerance, started: -tolerance, entered: unknown, note: isFuture,
		},
		"a retry whose entry is to come": {
			body: map[string]any{"enteredTime": from(time.Hour), "retryCount": 1},
			sent: -tolerance, started: -tolerance, entered: unknown, note: isFuture,
		},
		"a time of sending that is impossible": {sent: day, started: 0, entered: unknown},

		"HTTP":                            {sent: unknown, started: 0, entered: unknown},
		"HTTP with the entry":             {map[string]any{"enteredTime": from(-time.Second)}, unknown, -time.Second, -time.Second, isRead},
		"HTTP, sent again for 15 minutes": {map[string]any{"enteredTime": from(-15 * time.Minute)}, unknown, -15 * time.Minute, -15 * time.Minute, isRead},
		"HTTP, longer ago":                {map[string]any{"enteredTime": from(-16 * time.Minute)}, unknown, 0, unknown, isTooOld},
		"HTTP, longer ago, of a first attempt": {
			map[string]any{"enteredTime": from(-2 * time.Hour), "retryCount": 0}, unknown, -2 * time.Hour, -2 * time.Hour, isRead,
		},
		"HTTP, a retry":               {map[string]any{"enteredTime": from(-2 * time.Hour), "retryCount": 1}, unknown, 0, -2 * time.Hour, isRead},
		"HTTP, a quick retry":         {map[string]any{"enteredTime": from(-time.Minute), "retryCount": 1}, unknown, 0, -time.Minute, isRead},
		"HTTP, a redriven execution":  {map[string]any{"enteredTime": from(-2 * day), "redriveCount": 1}, unknown, 0, -2 * day, isRead},
		"HTTP, a clock ahead":         {map[string]any{"enteredTime": from(2 * time.Second)}, unknown, 0, 2 * time.Second, isRead},
		"HTTP, a clock far ahead":     {map[string]any{"enteredTime": from(2 * time.Hour)}, unknown, 0, unknown, isFuture},
		"HTTP, the execution's start": {map[string]any{"startedAt": from(-2 * day)}, unknown, 0, unknown, isTooOld},
		"HTTP, the entry as deadline": {map[string]any{"approvalDeadline": from(-time.Second)}, unknown, -time.Second, -time.Second, isRead},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse()
			var meta []string
			if c.sent != unknown {
				meta = []string{metadata.SentAt, from(c.sent).Format(time.RFC3339Nano)}
			}
			ofTask := func(w *handlers.Workflow) { w.TaskTimeout = day }
			requests := h.requests(ofTask)
			require.NoError(t, requests.Handle(msg(t, body(c.body), meta...)))
			a := h.approval(t, "A-1")
			require.Equal(t, from(c.started), a.AttemptStartedAt.UTC())
			require.Equal(t, from(min(0, c.started)+day), a.TaskExpires.UTC(), "the attempt has its whole timeout")
			if c.entered == unknown {
				require.True(t, a.StateEnteredAt.IsZero(), "%s", a.StateEnteredAt)
			} else {
				require.Equal(t, from(c.entered), a.StateEnteredAt.UTC())
			}
			if c.started > -day {
				require.Equal(t, approval.Pending, a.Status)
			}
			reading, err := requests.ReadForPreview(msg(t, body(c.body), meta...))
			require.NoError(t, err)
			if c.note == "" {
				require.Empty(t, reading.Notes)
			} else {
				require.Len(t, reading.Notes, 1)
				require.Contains(t, reading.Notes[0], c.note)
			}
		})
	}
}

// A state that is retried after 20 of its 24 hours asks its approvers again, and gives them the new attempt's time.
func TestARetriedStateIsAskedAgain(t *testing.T) {
	t.Parallel()
	h := newHouse()
	mail := func(w *handlers.Workflow) { w.Channels = []string{"mail"} }
	for attempt, at := range []time.Duration{0, 20 * time.Hour} {
		h.now = from(at)
		text := body(map[string]any{
			"enteredTime":    from(-time.Second),
			"retryCount":     attempt,
			"timeoutSeconds": 86400,
			"taskToken":      token + string(rune('a'+attempt)),
			"approvers":      []string{"ann@example.com"},
			"stateName":      "Approve order",
		})
		m := msg(t, text, metadata.SentAt, h.now.Format(time.RFC3339Nano))
		require.NoError(t, h.requests(mail).Handle(m))
		a := h.approval(t, "A-1")
		require.Equal(t, approval.Pending, a.Status)
		require.Equal(t, from(at+24*time.Hour-30*time.Second), a.Deadline.UTC())
		require.Equal(t, attempt, a.RetryCount)
		require.Equal(t, "Approve order", a.State)
		require.Len(t, h.take(approval.ActionNotify), 1)
	}
}

// An invalid time of sending is ignored.
func TestTimeOfSending(t *testing.T) {
	t.Parallel()
	for _, sent := range []string{"", "yesterday", began.Add(time.Hour).Format(time.RFC3339Nano)} {
		h := newHouse()
		require.NoError(t, h.requests().Handle(msg(t, `{"orderId":"A-1","taskToken":"x"}`, metadata.SentAt, sent)))
		require.Equal(t, began.Add(24*time.Hour), h.approval(t, "A-1").Deadline.UTC())
	}
}

// Over HTTP, a sender that tried again while we were unavailable brings a deadline that is over or near. It stays a deadline
// if the body states when the first attempt began.
func TestLateRequestKeepsItsDeadline(t *testing.T) {
	t.Parallel()
	const noNumber = -1
	for name, c := range map[string]struct {
		field    string // of the time one minute ago
		retries  int
		deadline time.Duration
		meta     []string
		isKept   bool
		status   approval.Status
	}{
		"over":                              {"enteredTime", 0, -5 * time.Second, nil, true, approval.TimedOut},
		"near":                              {"enteredTime", 0, 3 * time.Second, nil, true, approval.Pending},
		"as Step Functions spells it":       {"EnteredTime", 0, -5 * time.Second, nil, true, approval.TimedOut},
		"of a retry":                        {"enteredTime", 1, -5 * time.Second, nil, false, approval.Pending},
		"without number":                    {"enteredTime", noNumber, -5 * time.Second, nil, false, approval.Pending},
		"it is the entry":                   {"enteredTime", 0, -time.Minute, nil, false, approval.Pending},
		"beside the start of the execution": {"startedAt", 0, -5 * time.Second, nil, false, approval.Pending},
		"sent by a queue, over before": {
			"enteredTime", 0, -5 * time.Second, []string{metadata.SentAt, from(-time.Second).Format(time.RFC3339Nano)}, false,
			approval.Pending,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse()
			fields := map[string]any{c.field: from(-time.Minute), "approvalDeadline": from(c.deadline)}
			if c.retries != noNumber {
				fields["retryCount"] = c.retries
			}
			require.NoError(t, h.requests(func(*handlers.Workflow) {}).Handle(msg(t, body(fields), c.meta...)))
			a := h.approval(t, "A-1")
			require.Equal(t, c.status, a.Status)
			require.Equal(t, c.isKept, a.Deadline.Before(began.Add(time.Minute)), "%s", a.Deadline)
		})
	}
}
