package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/test/emulator"
)

// A list has the same rows in every form, and no form lets a text from outside through as something else.
func TestFormsOfAList(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, true, "approvers: [ann@example.com]"))
	r.ask(t, "o-1", `,"title":"=HYPERLINK(\"https://evil.example\")\u001b[31m","requester":"carl@example.com"`)
	r.ask(t, "o-2", `,"title":"two, with \"quotes\""`)

	out, _ := r.ops(t, 0, "requests")
	require.NotContains(t, out, "\x1b", "no colours without a terminal, and none of others")
	require.NotContains(t, out, "carl@example.com")
	out, _ = r.ops(t, 0, "requests", "-o", "wide")
	require.Contains(t, out, "carl@example.com")
	out, _ = r.ops(t, 0, "requests", "-o", "csv")
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 3)
	require.Equal(t, []string{"order", "title"}, rows[0][:2])
	titles := map[string]string{}
	for _, row := range rows[1:] {
		titles[row[0]] = row[1]
	}
	require.Equal(t, `'=HYPERLINK("https://evil.example")`+"\ufffd[31m", titles["o-1"])
	require.Equal(t, `two, with "quotes"`, titles["o-2"])
	out, _ = r.ops(t, 0, "requests", "-o", "json")
	require.True(t, json.Valid([]byte(out)))

	_, errs := r.ops(t, statusFailed, "show", "o-1", "-o", "csv")
	require.Contains(t, errs, "no table")
	_, errs = r.ops(t, statusUsage, "requests", "--json", "-o", "csv")
	require.Contains(t, errs, "exclude each other")
	_, errs = r.ops(t, statusUsage, "requests", "--time-zone=Mars")
	require.Contains(t, errs, "--time-zone")
	out, _ = r.ops(t, 0, "requests", "-o", "wide", "--time-zone=Asia/Kolkata")
	require.Contains(t, out, "+05:30")
}

// An empty list names the state in which it has looked, and an act names its effect.
func TestWhatListsAndActsTell(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, true, endsSoon+"\n    approvers: [ann@example.com, bob@example.com]\n    policy: all"))
	_, errs := r.ops(t, 0, "requests", "--state=all")
	require.Contains(t, errs, "there is no approval")
	_, errs = r.ops(t, statusNotFound, "cancel", "o-1", "--reason=x")
	require.Contains(t, errs, "there is no such order")
	r.ask(t, "o-1", "")
	_, errs = r.ops(t, 0, "requests")
	require.Empty(t, errs)
	out, _ := r.ops(t, 0, "remind", "o-1", "--reason=x", "--approver=ann@example.com")
	require.Contains(t, out, "reminds ann@example.com; the approval is pending, its deadline is ")
	out, _ = r.ops(t, 0, "show", "o-1")
	require.Regexp(t, `(?m)^  next +Waiting for the approvers`, out)

	r.aws.StepFunctions.SetFaults(emulator.Faults{Deny: 1})
	r.ops(t, 0, "decide", "approve", "o-1", "--reason=x")
	eventually(t, "an exhausted callback", func() bool {
		return r.order(t, "o-1").Approvals[0].Callback.State == api.CallbackExhausted
	})
	out, _ = r.ops(t, 0, "show", "o-1")
	require.Regexp(t, `(?m)^  next +The workflow never got its answer`, out)
	_, errs = r.ops(t, 0, "requests", "--search=o-1")
	require.Contains(t, errs, "no approval in the state pending matches; --state=all looks at all approvals")
	_, errs = r.ops(t, 0, "requests", "--state=all", "--search=o-2")
	require.Contains(t, errs, "no approval matches\n")
	out, _ = r.ops(t, 0, "requests", "--state=closed", "-o", "csv")
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	require.NoError(t, err)
	require.Equal(t, "ops", rows[1][slices.Index(rows[0], "decided_by")])
	require.Contains(t, rows[1][slices.Index(rows[0], "error")], "AccessDenied")

	out, _ = r.ops(t, 0, "dismiss", "o-1", "--reason=x")
	require.Contains(t, out, "recorded; lists, counts and alerts leave it out; the approval is approved\n")
	_, errs = r.ops(t, 0, "requests", "--state=exhausted")
	require.Contains(t, errs, "no approval in the state exhausted\n")
}

// A coloured table has the same columns as one without colours.
func TestColorsKeepColumns(t *testing.T) {
	t.Parallel()
	l := listing{columns: []column{{name: "order"}, {name: "state", tone: stateTone}, {name: "rest"}}}
	l.add("a", "exhausted", "x")
	l.add("a long order", "approved", "y")
	var plain, colored buffer
	require.NoError(t, l.write(&plain, &outputFlags{Output: "table"}, false))
	require.NoError(t, l.write(&colored, &outputFlags{Output: "table"}, true))
	text := colored.String()
	for _, tone := range []tone{toneNone, toneGood, toneWarn, toneBad} {
		text = strings.ReplaceAll(text, "\x1b["+string(tone)+"m", "")
	}
	require.Equal(t, plain.String(), strings.ReplaceAll(text, "\x1b[0m", ""))
	require.NotEqual(t, plain.String(), colored.String())
}

// A context is a worker and its credential. It is never mixed with a connection that is named otherwise.
func TestContexts(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, true, "approvers: [ann@example.com]"))
	r.ask(t, "o-1", "")
	file := filepath.Join(t.TempDir(), "client.yaml")
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(file), "token"), []byte(operatorSecret+"\n"), 0o600))
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, `# the workers of this team
context: gone
contexts:
  here: {url: %q, token_file: token}
  gone: {url: "http://127.0.0.1:1", token_file: token}
`, r.operator), 0o600))
	with := func(want int, variables map[string]string, args ...string) (string, string) {
		t.Helper()
		var out, errs buffer
		getenv := func(name string) string { return variables[name] }
		status := run(t.Context(), append(args, "--client-config="+file), getenv, strings.NewReader(""), &out, &errs)
		require.Equal(t, want, status, "%s\n%s", &out, &errs)
		return out.String(), errs.String()
	}
	out, _ := with(0, nil, "requests", "--context=here")
	require.Contains(t, out, "o-1")
	_, errs := with(statusUnavailable, nil, "requests")
	require.Contains(t, errs, "127.0.0.1:1")
	out, _ = with(0, nil, "contexts", "use", "here")
	require.Contains(t, out, r.operator)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(text), "# the workers of this team\ncontext: \"here\"\n")
	out, _ = with(0, nil, "requests")
	require.Contains(t, out, "o-1")
	out, _ = with(0, nil, "contexts")
	require.Regexp(t, `(?m)^\* +here +http`, out)

	_, errs = with(statusUsage, nil, "requests", "--context=there")
	require.Contains(t, errs, "there are: gone, here")
	_, errs = with(statusUsage, nil, "requests", "--context=here", "--url="+r.operator)
	require.Contains(t, errs, "a context excludes --url")
	out, _ = with(0, nil, "requests", "--url="+r.operator, "--token="+operatorSecret)
	require.Contains(t, out, "o-1", "flags take precedence over the current context")

	require.NoError(t, os.WriteFile(file, []byte("contexts:\n  here: {uri: x}\n"), 0o600))
	_, errs = with(statusFailed, nil, "requests")
	require.Contains(t, errs, "uri")
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"req":                       "requests",
		"keys ":                     "export list make prepare promote rotate seal signing",
		"requests --st":             "--state=",
		"requests --output=j":       "--output=json",
		"decide approve A-1 --comm": "",
		"completion ":               "bash fish zsh",
		"completion b":              "bash",
		"show A-1 --js":             "--json",
		"show A-":                   "",
	} {
		status, out, _ := command(t, append([]string{"complete", "--"}, strings.Split(line, " ")...)...)
		require.Equal(t, 0, status)
		if line == "keys " { // others add commands
			require.Subset(t, strings.Fields(out), []string{"list", "make", "rotate"})
			continue
		}
		require.Equal(t, want, strings.Join(strings.Fields(out), " "), line)
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		status, out, _ := command(t, "completion", shell)
		require.Equal(t, 0, status)
		require.Contains(t, out, "approval-relay complete -- ")
	}
}

// A request of the command line is decided as any other. Waiting for its end gives the outcome as the exit status.
func TestAsk(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, true, "approvers: [ann@example.com]"))
	out, errs := r.ops(t, 0, "ask", "A-1", "--title=Three laptops", "--field=amount=480.00", "--approver=bob@example.com")
	require.Regexp(t, `^order A-1: the approval \S+ is pending\n$`, out)
	require.Contains(t, errs, "made up")
	out, _ = r.ops(t, 0, "show", "A-1")
	require.Contains(t, out, "Three laptops")
	require.Contains(t, out, "480.00")
	require.Contains(t, out, "bob@example.com")

	token := r.aws.StepFunctions.OpenTask(time.Hour, 0)
	body := filepath.Join(t.TempDir(), "body.json")
	require.NoError(t, os.WriteFile(body, []byte(`{"title":"from the file","total":480.00}`), 0o600))
	_, errs = r.ops(t, statusUnavailable, "ask", "A-2", "--body="+body, "--task-token="+token, "--wait=10ms")
	require.Contains(t, errs, "nobody has decided")
	r.ops(t, 0, "decide", "reject", "A-2", "--reason=too much")
	out, errs = r.ops(t, statusConflict, "ask", "A-2", "--body="+body, "--task-token="+token, "--wait=1m")
	require.Contains(t, out, "too much")
	require.Contains(t, errs, "the approval is rejected")
	r.ops(t, statusFailed, "ask", "A-3", "--field=amount")
}

// The lines of an order's history say about which approval they are, to whom a message went, and in which zone time is.
func TestShowTellsApprovalsApart(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 27, 10, 15, 0, 0, time.UTC)
	o := &api.Order{
		OrderID: "A-1",
		Approvals: []api.Approval{
			{
				ApprovalID: "aaaaaaaaaaaa", Status: approval.Rejected, Step: "budget", Workflow: "orders", Title: "Lamp",
				Requester: "carl@example.com", ClosedAt: at, RequestedAt: at.Add(-3 * time.Hour),
				Votes: []api.Vote{{
					Outcome: approval.Reject, DecidedBy: "ann@example.com", Comment: "by phone\nwith Ann", Via: approval.ViaLink, At: at,
				}},
				Callback: api.Callback{State: api.CallbackUnknown, Attempts: 2}, Unanswered: true,
			},
			{ApprovalID: "bbbbbbbbbbbb", Status: approval.Pending, Step: "legal", Workflow: "orders", RequestedAt: at},
		},
		History: []api.Event{
			{At: at, Kind: approval.EventNotified, ApprovalID: "aaaaaaaaaaaa", By: "ann@example.com", Channel: "mail"},
			{At: at, Kind: approval.EventCancelled, ApprovalID: "bbbbbbbbbbbb", By: "ops", Note: "ordered twice"},
		},
	}
	show := func(f outputFlags) string {
		var out buffer
		require.NoError(t, orderPrinter{&out, &f, false, at.Add(time.Hour)}.print(o))
		return out.String()
	}
	text := show(outputFlags{})
	for _, want := range []string{
		"Lamp", "carl@example.com", "(4h ago)", "comment: by phone ⏎ with Ann", "unanswered: ", "history (UTC)",
		"2026-11-27 10:15:00.000Z  legal  cancelled  by ops, ordered twice", "and 1 routine deliveries",
	} {
		require.Contains(t, text, want)
	}
	require.NotContains(t, text, "channel mail")
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	text = show(outputFlags{Output: "wide", zone: berlin})
	require.Contains(t, text, "history (Europe/Berlin)")
	require.Regexp(t, `2026-11-27 11:15:00\.000 \+01:00 +budget +notified +to ann@example\.com, channel mail`, text)
}

// An export has the selected approvals, in both formats, and overwrites nothing.
func TestExportCommand(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := p.start(t, p.file(t, true, "approvers: [ann@example.com]"))
	for _, order := range []string{"o-1", "o-2", "o-3"} {
		r.ask(t, order, `,"title":"=1+1","requester":"carl@example.com"`)
	}
	r.ops(t, 0, "decide", "approve", "o-2", "--reason=x")
	out, _ := r.ops(t, 0, "export", "--state=closed")
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 2)
	require.Contains(t, rows[1], "o-2")
	require.Contains(t, rows[1], "'=1+1")
	file := filepath.Join(t.TempDir(), "all.jsonl")
	lines, _ := r.ops(t, 0, "export", "--state=closed", "-o", "json")
	require.True(t, json.Valid([]byte(strings.SplitN(lines, "\n", 2)[0])), lines)
	r.ops(t, 0, "export", "--format=jsonl", "--requester=carl@example.com", "--to="+file)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Len(t, strings.Split(strings.TrimSpace(string(text)), "\n"), 3)
	_, errs := r.ops(t, 1, "export", "--to="+file)
	require.Contains(t, errs, "--to")
	out, _ = r.ops(t, 0, "requests", "--waits-for=ann@example.com", "--search=O-3")
	require.Contains(t, out, "o-3")
	require.NotContains(t, out, "o-1")
	_, errs = r.ops(t, 1, "requests", "--older-than=soon")
	require.Contains(t, errs, "older_than")
}

// The mark of a cell without a value is for people: a program reads an empty cell. A formula stays a text.
func TestCSVOfCellsWithoutValue(t *testing.T) {
	t.Parallel()
	l := listing{columns: []column{{name: "order"}, {name: "closed at"}, {name: "title"}}}
	l.add("A-1", (&outputFlags{}).moment(time.Time{}), "=1+1")
	var out buffer
	require.NoError(t, l.printCSV(&out))
	require.Equal(t, "order,closed_at,title\nA-1,,'=1+1\n", out.String())
}
