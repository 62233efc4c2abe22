package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/test/emulator"
)

// ops runs an operator's command against the relay; it must end with the status.
func (r *running) ops(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	status, stdout, stderr := command(t, append(args, "--url", r.operator, "--token", operatorSecret)...)
	require.Equal(t, want, status, "%s\n%s", stdout, stderr)
	return stdout, stderr
}

// ask requests an approval over HTTP and returns its token.
func (r *running) ask(t *testing.T, order, rest string) string {
	t.Helper()
	token := r.aws.StepFunctions.OpenTask(time.Hour, 0)
	got := r.program(t, "/v1/requests", fmt.Sprintf(`{"orderId":%q,"taskToken":%q%s}`, order, token, rest))
	require.Equal(t, http.StatusAccepted, got.status, got.text)
	return token
}

func TestRequestsAndShow(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, true, "approvers: [ann@example.com, bob@example.com]\n    policy: all"))
	token := r.ask(t, "o-1", `,"step":"budget"`)
	r.ask(t, "o-2", "")
	early := r.program(t, "/v1/orders/o-early/decisions", `{"decisionId":"d","decision":"approve","decidedBy":"ann@example.com"}`)
	require.Equal(t, http.StatusAccepted, early.status)
	vote := r.program(t, "/v1/orders/o-1/decisions", `{"decisionId":"d","decision":"approve","decidedBy":"Ann@example.com"}`)
	require.Equal(t, http.StatusOK, vote.status, vote.text)

	out, _ := r.ops(t, 0, "requests")
	require.Regexp(t, `(?m)^o-1 +- +orders +budget +pending .* bob@example.com$`, out)
	require.Regexp(t, `(?m)^o-2 +- +orders +- +pending .* ann@example.com, bob@example.com$`, out)
	require.NotContains(t, out, "o-early")

	out, _ = r.ops(t, 0, "requests", "--state=all")
	require.Regexp(t, `(?m)^o-early .*1 decision\(s\) without request`, out)
	out, more := r.ops(t, 0, "requests", "--limit=1")
	require.NotContains(t, out, "o-2")
	next := regexp.MustCompile(`--after="([^"]+)"`).FindStringSubmatch(more)
	require.Len(t, next, 2, more)
	out, _ = r.ops(t, 0, "requests", "--after="+next[1])
	require.NotContains(t, out, "o-1 ")
	require.Contains(t, out, "o-2")
	out, _ = r.ops(t, 0, "requests", "--sort=order", "--after=o-1", "--workflow=orders")
	require.NotContains(t, out, "o-1 ")
	require.Contains(t, out, "o-2")
	out, _ = r.ops(t, 0, "requests", "--sort=-age")
	require.Less(t, strings.Index(out, "o-2"), strings.Index(out, "o-1"), "the youngest comes first")
	out, _ = r.ops(t, 0, "requests", "--workflow=refunds")
	require.NotContains(t, out, "o-")
	_, errs := r.ops(t, 1, "requests", "--limit=0")
	require.Contains(t, errs, "limit")

	out, _ = r.ops(t, 0, "show", "o-1")
	require.Regexp(t, `(?m)^order o-1\n\napproval \S+  pending\n  workflow +orders\n  step +budget\n  asked by +api:shop\n  requested +\S+ \(\d+s ago\)\n  deadline +\S+ \(in 24h\)\n`, out)
	require.Regexp(t, `decision +recorded, approve, by Ann@example.com, via api, source api:shop, d`, out)
	out, _ = r.ops(t, 0, "show", "o-early")
	require.Contains(t, out, "decision d by ann@example.com waits for its request")

	out, _ = r.ops(t, 0, "show", "o-1", "--json")
	var o api.Order
	require.NoError(t, json.Unmarshal([]byte(out), &o))
	require.Equal(t, "o-1", o.OrderID)
	require.NotContains(t, out, token)

	_, errs = r.ops(t, statusNotFound, "show", "nobody")
	require.Contains(t, errs, "not found")
}

// An order ID cannot make a line on the operator's terminal read as something else, neither as text nor as JSON.
func TestTerminalShowsNoHiddenCharacters(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, true, "approvers: [ann@example.com]"))
	hostile := "o-\u202e1\u2066\u200b\u009b2J"
	r.ask(t, hostile, "")

	for _, args := range [][]string{{"requests"}, {"requests", "--json"}, {"show", hostile}, {"show", hostile, "--json"}} {
		out, errs := r.ops(t, 0, args...)
		require.NotContains(t, out+errs, "\u202e", "%v", args)
		require.NotContains(t, out+errs, "\u2066", "%v", args)
		require.NotContains(t, out+errs, "\u200b", "%v", args)
		require.NotContains(t, out+errs, "\u009b", "%v", args)
	}
	// An order ID has no characters of no width.
	out, _ := r.ops(t, 0, "requests")
	require.Contains(t, out, "o-\ufffd1\ufffd\ufffd2J ")
	out, _ = r.ops(t, 0, "show", hostile, "--json")
	var o api.Order
	require.NoError(t, json.Unmarshal([]byte(out), &o))
	require.Equal(t, strings.ReplaceAll(hostile, "\u200b", ""), o.OrderID)
}

func TestDecideAndCancel(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, false, "approvers: [ann@example.com, bob@example.com]\n    policy: all"))
	approved, rejected, cancelled := r.ask(t, "yes", ""), r.ask(t, "no", ""), r.ask(t, "gone", "")

	out, _ := r.ops(t, 0, "decide", "approve", "yes", "--by=ops", "--reason=all are ill")
	require.Equal(t, "order yes: decided, the approval is approved\n", out)
	out, _ = r.ops(t, 0, "decide", "reject", "no", "--by=ops", "--reason=all are ill")
	require.Equal(t, "order no: decided, the approval is rejected\n", out)
	out, _ = r.ops(t, 0, "cancel", "gone", "--reason=ordered twice")
	require.Equal(t, "order gone: decided, the approval is cancelled\n", out)

	task := r.task(t, approved)
	require.Equal(t, emulator.TaskSucceeded, task.State)
	require.Contains(t, task.Output, `"decidedBy":"ops"`)
	require.Equal(t, "ApprovalDenied", r.task(t, rejected).Error)
	require.Equal(t, "ApprovalCancelled", r.task(t, cancelled).Error)

	_, errs := r.ops(t, statusConflict, "decide", "reject", "yes", "--reason=changed my mind")
	require.Contains(t, errs, "already has a different decision; the approval is approved")
	_, errs = r.ops(t, statusNotFound, "decide", "approve", "nobody", "--reason=x")
	require.Contains(t, errs, "approval-relay: ")
	_, errs = r.ops(t, statusNotFound, "cancel", "nobody", "--reason=x")
	require.Contains(t, errs, "approval-relay: ")

	// Two steps at once are told apart by name.
	one, two := r.ask(t, "both", `,"step":"one"`), r.ask(t, "both", `,"step":"two"`)
	_, errs = r.ops(t, statusConflict, "decide", "approve", "both", "--reason=x")
	require.Contains(t, errs, "several")
	r.ops(t, 0, "decide", "approve", "both", "--step=two", "--reason=x")
	require.Equal(t, emulator.TaskSucceeded, r.task(t, two).State)
	out, _ = r.ops(t, 0, "cancel", "both", "--step=one", "--reason=x", "--json")
	require.Contains(t, out, `"status": "cancelled"`)
	require.Equal(t, emulator.TaskFailed, r.task(t, one).State)
}

// Exhausted callbacks and dead letters are counted by reason code, then redriven: first the code of the callback, then
// the others.
func TestRedriveCommand(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, true, endsSoon))
	r.aws.StepFunctions.SetFaults(emulator.Faults{Fail: 1})
	token := r.ask(t, "late", "")
	r.ops(t, 0, "decide", "approve", "late", "--reason=x")
	eventually(t, "an exhausted callback", func() bool {
		o := r.order(t, "late")
		return o.Approvals[0].Callback.State == api.CallbackExhausted
	})
	r.aws.SQS.PutMessage("decisions-raw", `{"decisionId":"d","decision":"perhaps","orderId":"late"}`, nil) // to the store's own table
	r.aws.SQS.PutMessage("requests", `{"no":"order"}`, nil)                                                // to a dead letter queue
	eventually(t, "a dead letter in the table", func() bool {
		out, _ := r.ops(t, 0, "deadletters")
		return strings.Contains(out, "neither an approval nor a rejection")
	})
	eventually(t, "a dead letter in the queue", func() bool { n, _ := r.aws.SQS.CountMessages("requests-dead"); return n == 1 })
	out, told := r.ops(t, 0, "deadletters")
	require.Contains(t, told, "in the store: 1\nin the queue requests-dead: about 1\n")
	require.Regexp(t, `(?m)^[0-9a-f-]{36} .* request-\S+ +0 `, out, "the message itself")

	out, _ = r.ops(t, 0, "requests", "--state=exhausted")
	require.Regexp(t, `(?m)^late .* exhausted `, out)
	out, _ = r.ops(t, 0, "redrive", "--dry-run")
	require.Contains(t, out, "dry run: nothing was redriven")
	require.Regexp(t, `(?m)^1 +http_5\d\d +the maximum age of a callback has passed`, out)
	require.Regexp(t, `(?m)^1 +invalid_field:order +.*order: is missing`, out)
	require.Regexp(t, `(?m)^1 +invalid_field:outcome +.*neither an approval nor a rejection`, out)
	require.Equal(t, emulator.TaskOpen, task(t, r, token).State)

	_, errs := r.ops(t, 1, "redrive", "--yes", "--reason=http_599")
	require.Contains(t, errs, `nothing was found with the reason code "http_599"`)
	out, _ = r.ops(t, 1, "redrive", "--yes", "--reason=http_599", "--json")
	require.Contains(t, out, `"found": []`)

	r.aws.StepFunctions.SetFaults(emulator.Faults{})
	code := r.order(t, "late").Approvals[0].Callback.ReasonCode
	report := r.redrive(t, "--reason="+code)
	require.Equal(t, []int{1, 0}, []int{report.Redriven, report.Failed}, "only the callback")
	require.Equal(t, emulator.TaskSucceeded, r.task(t, token).State)
	report = r.redrive(t)
	require.Equal(t, []int{1, 1}, []int{report.Redriven, report.Requeued}, "the message in the queue")
	require.Equal(t, 1, report.Failed, "the decision is still invalid")
	require.LessOrEqual(t, report.Returned, 1, "the message may be back in time")
	out, _ = r.ops(t, 0, "show", "late")
	require.Regexp(t, `redriven +by ops, via operator, source operator, attempt 1`, out)

	for range 2 { // the decision fails each time, until the loop guard stops it
		r.ops(t, 0, "redrive", "--yes")
	}
	_, warning := r.ops(t, 0, "redrive", "--yes")
	require.Contains(t, warning, "were redriven 3 times or more")
}

// redrive redrives as the operator ops, and returns the report.
func (r *running) redrive(t *testing.T, args ...string) (report api.RedriveReport) {
	t.Helper()
	out, _ := r.ops(t, 0, append([]string{"redrive", "--yes", "--json", "--by=ops"}, args...)...)
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	require.Empty(t, report.Errors)
	return report
}

// task looks at a task without waiting for its end.
func task(t *testing.T, r *running, token string) emulator.Task {
	t.Helper()
	out, known := r.aws.StepFunctions.FindTask(token)
	require.True(t, known)
	return out
}

func TestWhoMayUseTheCommands(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, false, ""))
	for token, reason := range map[string]string{
		"wrong-token-0123456789": "the token that was sent is from the flag --token",
		programSecret:            "this needs the token of an operator; api:shop is a program",
	} {
		status, _, errs := command(t, "requests", "--url", r.operator, "--token", token)
		require.Equal(t, statusRefused, status)
		require.Contains(t, errs, reason)
		require.NotContains(t, errs, token)
	}
	file := filepath.Join(p.dir, "token")
	status, _, errs := command(t, "requests", "--url", r.operator, "--token-file", file)
	require.Equal(t, 1, status)
	require.Contains(t, errs, file)
	require.NoError(t, os.WriteFile(file, []byte(operatorSecret+"\n"), 0o600))
	status, _, errs = command(t, "requests", "--url", r.operator, "--token-file", file)
	require.Equal(t, 0, status, errs)

	require.NoError(t, os.WriteFile(file, []byte("wrong-token-0123456789"), 0o600))
	status, _, errs = command(t, "requests", "--url", r.operator, "--token-file", file)
	require.Equal(t, statusRefused, status)
	require.Contains(t, errs, "the token that was sent is from the file "+file+", which --token-file names")

	// The worker has the reasons, and no token.
	status, out, errs := command(t, "refused", "--url", r.operator, "--token", operatorSecret, "--source=api")
	require.Equal(t, 0, status, errs)
	require.Contains(t, out, "the header Authorization has an unknown bearer token")
	require.Contains(t, out, "this needs the token of an operator; api:shop is a program (api:shop)")
	require.NotContains(t, out, "wrong-token")
	require.Contains(t, errs, "refused by this worker since its start")
	status, out, _ = command(t, "refused", "--url", r.operator, "--token", operatorSecret, "--reason=stale", "--json")
	require.Equal(t, 0, status)
	require.Contains(t, out, `"refused": []`)
	status, _, errs = command(t, "refused", "--url", r.operator, "--token", operatorSecret, "--source=erp")
	require.Equal(t, 0, status)
	require.Contains(t, errs, "nothing from erp: a webhook or topic is decision-NAME", "the name of a webhook alone is a frequent mistake")
	status, _, errs = command(t, "refused", "--url", r.operator, "--token", operatorSecret, "--reason=odd")
	require.Equal(t, 1, status)
	require.Contains(t, errs, "is not one of missing, malformed")

	require.NoError(t, r.stop())
	status, _, errs = command(t, "requests", "--url", r.operator, "--token", operatorSecret)
	require.Equal(t, statusUnavailable, status)
	require.Contains(t, errs, "call the worker")
}

func TestKeysCommand(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "relay.keys")
	status, out, errs := command(t, "keys", "make", file)
	require.Equal(t, 0, status, errs)
	require.Contains(t, out, "keep a copy")
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	before, err := os.ReadFile(file)
	require.NoError(t, err)
	status, _, _ = command(t, "keys", "make", file)
	require.Equal(t, 1, status, "an existing file is never overwritten")
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, before, after)

	status, out, _ = command(t, "keys", "rotate", file)
	require.Equal(t, 0, status)
	require.Contains(t, out, "2 key(s) in all")
	status, out, _ = command(t, "keys", "list", file)
	require.Equal(t, 0, status)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, 2)
	require.Regexp(t, "primary$", lines[0])
	require.Regexp(t, "old$", lines[1])
	status, out, _ = command(t, "keys", "prepare", file)
	require.Equal(t, 0, status)
	require.Regexp(t, "key [0-9a-f]{8} is prepared", out)
	id := strings.Fields(out)[2]
	_, out, _ = command(t, "keys", "list", file)
	require.True(t, strings.HasPrefix(out, lines[0]), "it is not used yet")
	status, out, _ = command(t, "keys", "promote", id, file)
	require.Equal(t, 0, status)
	require.Contains(t, out, "key "+id+" is the primary now")
	_, out, _ = command(t, "keys", "list", file)
	require.Regexp(t, "^"+id+" .* primary\n", out)
	require.Equal(t, 3, strings.Count(out, "\n"))
	status, _, errs = command(t, "keys", "promote", "00000000", file)
	require.Equal(t, 1, status)
	require.Contains(t, errs, `key "00000000": the key is not in the ring`)
	secret, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, word := range strings.FieldsFunc(string(secret), func(r rune) bool { return strings.ContainsRune("\" \n:,{}[]", r) }) {
		if len(word) > 30 {
			require.NotContains(t, out, word, "a key is shown")
		}
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	status, out, _ := command(t, "version")
	require.Equal(t, 0, status)
	require.Regexp(t, `^approval-relay dev \(revision \S+, go1\.`, out)

	for _, args := range [][]string{nil, {"--help"}} {
		status, out, _ = command(t, args...)
		require.Equal(t, 0, status)
		for _, name := range []string{"run", "demo", "check config", "requests", "show", "decide", "cancel", "redrive", "keys make", "version"} {
			require.Regexp(t, "(?m)^  "+name+" ", out)
		}
	}
	for _, args := range [][]string{
		{"walk"}, {"show"}, {"decide", "maybe", "o-1", "--reason=x"}, {"decide", "approve", "o-1"}, {"requests", "--state=odd"}, {"redrive", "--max=many"},
	} {
		status, out, errs := command(t, args...)
		require.Equal(t, 2, status, "%q", args)
		require.NotEmpty(t, out+errs)
	}
	status, _, errs := command(t, "run", "--config.file=/no/such/file")
	require.Equal(t, 1, status)
	require.Contains(t, errs, "no such file")
}

// A redrive begins only if somebody has confirmed it, and never with a number that means something else.
func TestRedriveAsks(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, true, endsSoon+"\n    approvers: [ann@example.com]"))
	r.aws.StepFunctions.OpenTask(time.Hour, 0)
	got := r.program(t, "/v1/requests", `{"orderId":"o-1","taskToken":"nobody-waits"}`)
	require.Equal(t, http.StatusAccepted, got.status, got.text)
	r.ops(t, 0, "decide", "approve", "o-1", "--reason=x")
	require.Eventually(t, func() bool {
		out, _ := r.ops(t, 0, "show", "o-1")
		return strings.Contains(out, "exhausted to")
	}, hangLimit, 10*time.Millisecond)

	_, errs := r.ops(t, statusUsage, "redrive")
	require.Contains(t, errs, "--yes")
	_, errs = r.ops(t, statusUsage, "redrive", "--yes", "--max=-1")
	require.Contains(t, errs, "--max must be at least 1; use --all")
	for _, limit := range []string{"--limit=-1", "--limit=-2", "--limit=0"} {
		_, errs = r.ops(t, statusUsage, "redrive", "--yes", limit)
		require.Contains(t, errs, "--limit must be at least 1; use --no-guard", limit)
	}
	out, _ := r.ops(t, 0, "redrive", "--dry-run", "--json")
	require.Contains(t, out, `"redriven": 0`)
	out, _ = r.ops(t, 0, "show", "o-1", "-o", "wide")
	require.NotContains(t, out, "redriven")
	r.ops(t, 0, "redrive", "--yes")
	out, _ = r.ops(t, 0, "show", "o-1", "-o", "wide")
	require.Contains(t, out, "redriven")
}

func TestConfirm(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{"yes\n": true, " yes \r\n": true, "yes": true, "y\n": false, "": false, "no\nyes\n": false} {
		var errs buffer
		err := confirm(&world{stdin: strings.NewReader(answer), stderr: &errs}, "Redrive 18?")
		require.Equal(t, want, err == nil, "%q", answer)
		require.Contains(t, errs.String(), "Redrive 18?")
	}
}
