package payloads

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/api/apitest"
	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/notify"
)

var update = flag.Bool("update", false, "write docs/payloads.md anew")

const page = "../../docs/payloads.md"

// stories are the approvals of the page.
type stories struct {
	pending, approved, rejected, timedOut, edited, agent *story
}

func tellStories(t *testing.T) stories {
	t.Helper()
	quorum := func(r *approval.Request) { r.Policy = approval.Policy{Kind: approval.PolicyQuorum, Quorum: 2} }
	return stories{
		pending:  newStory(t),
		approved: newStory(t).decide(time.Hour, "d-1", "ann@example.com", approval.Approve, "Checked with the warehouse."),
		rejected: newStory(t, quorum).
			decide(time.Hour, "d-1", "ann@example.com", approval.Approve, "").
			decide(time.Minute, "d-2", "bob@example.com", approval.Reject, "The photos show another parcel."),
		timedOut: newStory(t).expire(),
		edited: newStory(t, withChoices).
			choose(time.Hour, "d-1", "ann@example.com", "approve", "").
			choose(time.Minute, "d-2", "bob@example.com", "approve_part", `{"amount": 400}`).
			choose(time.Minute, "d-3", "ann@example.com", "approve", ""),
		agent: newStory(t, byAgent).choose(time.Hour, "d-1", "ann@example.com", approval.ChoiceEdit, `{"amount": 400}`),
	}
}

// read returns a file of testdata without the line break at its end.
func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return strings.TrimSpace(string(text))
}

// The page has the bytes that the program sends.
func TestPage(t *testing.T) {
	t.Parallel()
	s := tellStories(t)
	text, err := template.New("page").Parse(read(t, "payloads.md.tmpl") + "\n")
	require.NoError(t, err)
	var got bytes.Buffer
	require.NoError(t, text.Execute(&got, map[string]string{
		"Notification":  sendWebhook(t, s.pending.message(approval.NotifyRequest, ""), s.pending.now).text(),
		"Requested":     sendWebhook(t, s.pending.message(approval.NotifyEvent, "approval.requested"), s.pending.now).text(),
		"Decided":       sendWebhook(t, s.approved.message(approval.NotifyEvent, "approval.decided"), s.approved.now).text(),
		"Chosen":        outcomeOf(t, sendWebhook(t, s.edited.message(approval.NotifyEvent, "approval.decided"), s.edited.now).Body),
		"Edited":        indent(sendCallback(t, s.edited.answer(), s.edited.now).Body),
		"Resumed":       indent(sendCallback(t, s.agent.answer(), s.agent.now).Body),
		"SNS":           publish(t, s.approved.message(approval.NotifyEvent, "approval.decided")).text(t),
		"EventBridge":   putEvent(t, s.approved.message(approval.NotifyEvent, "approval.decided")).text(t),
		"Queue":         answerQueue(t, s.approved.answer()).text(t),
		"Approved":      sendCallback(t, s.approved.answer(), s.approved.now).text(),
		"Rejected":      sendCallback(t, s.rejected.answer(), s.rejected.now).text(),
		"TimedOut":      indent(sendCallback(t, s.timedOut.answer(), s.timedOut.now).Body),
		"TaskSuccess":   answerStepFunctions(t, s.approved.answer()).text(t),
		"TaskFailure":   answerStepFunctions(t, s.rejected.answer()).text(t),
		"LambdaSuccess": answerLambda(t, s.approved.answer()).text(t),
		"LambdaFailure": answerLambda(t, s.timedOut.answer()).text(t),
		"CodePipeline":  answerCodePipeline(t, s.approved.answer()).text(t),
		"Python":        read(t, "verify/verify.py"),
		"Node":          read(t, "verify/verify.mjs"),
		"Go":            read(t, "verify/verify.go"),
		"Shell":         read(t, "verify/verify.sh"),
		"KeyPython":     read(t, "verify/verify_key.py"),
		"KeyNode":       read(t, "verify/verify_key.mjs"),
		"KeyGo":         read(t, "verify/verify_key.go"),
		"KeyShell":      read(t, "verify/verify_key.sh"),
	}))
	if *update {
		require.NoError(t, os.WriteFile(page, got.Bytes(), 0o644))
		return
	}
	want, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String(), "make generate writes the page")
}

// outcomeOf returns the outcome in the body of an event.
func outcomeOf(t *testing.T, body []byte) string {
	t.Helper()
	var event struct {
		Data struct {
			Outcome json.RawMessage `json:"outcome"`
		} `json:"data"`
	}
	require.NoError(t, json.Unmarshal(body, &event))
	return indent(event.Data.Outcome)
}

// The page has every kind of target, and every kind of channel for programs.
func TestPageNamesEveryKind(t *testing.T) {
	t.Parallel()
	text := read(t, "payloads.md.tmpl")
	for _, kind := range config.ChannelKinds() {
		if kind.New().Audience() == notify.AudiencePrograms {
			require.Contains(t, text, "| channel `"+kind.Name+"` |")
		}
	}
	for _, kind := range config.TargetKinds() {
		require.Contains(t, text, "| target `"+kind.Name+"` |")
	}
}

// The schemas of openapi.json have exactly the fields that the program sends.
func TestSchemas(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../api/openapi.json")
	require.NoError(t, err)
	d, err := apitest.New(document)
	require.NoError(t, err)
	s := tellStories(t)
	long := newStory(t, func(r *approval.Request) {
		r.Details = slices.Repeat([]approval.Field{{Name: "note", Value: strings.Repeat("<", 2000)}}, 50) // 6 bytes each
	})
	cut := s.rejected.answer()
	cut.Votes = slices.Repeat(cut.Votes, 200)
	seen := map[string]map[string]bool{}
	check := func(schema string, body []byte) {
		require.NoError(t, d.CheckSchema(schema, body))
		var value any
		require.NoError(t, json.Unmarshal(body, &value))
		collect(seen, schema, value)
	}
	for _, m := range []approval.Message{
		s.pending.message(approval.NotifyRequest, ""),
		s.approved.message(approval.NotifyEvent, "approval.decided"),
		s.timedOut.message(approval.NotifyEvent, "approval.timed_out"),
		s.edited.message(approval.NotifyEvent, "approval.decided"),
	} {
		check("NotificationEvent", sendWebhook(t, m, requestedAt).Body)
	}
	proposed := s.approved.message(approval.NotifyEvent, "approval.requested")
	proposed.Event = approval.ProgramEventProposed
	proposed.Console = "https://operator.example.com/console/orders/order-1"
	check("NotificationEvent", sendWebhook(t, proposed, requestedAt).Body)
	dear := s.edited.message(approval.NotifyEvent, "approval.decided")
	dear.Votes = slices.Repeat(dear.Votes, 20)
	for i := range dear.Votes {
		dear.Votes[i].Values = json.RawMessage(`{"note":"` + strings.Repeat("x", 20_000) + `"}`)
	}
	check("NotificationEvent", []byte(*publish(t, dear).input.(*sns.PublishInput).Message))
	published := publish(t, long.message(approval.NotifyEvent, "approval.requested")).input.(*sns.PublishInput)
	check("NotificationEvent", []byte(*published.Message))
	signed := s.edited.answer()
	signed.Receipt = "eyJhbGciOiJFZERTQSJ9.e30.c2lnbmF0dXJl"
	for _, a := range []approval.Answer{
		s.approved.answer(), s.rejected.answer(), s.timedOut.answer(), longComment(cut), signed, s.agent.answer(),
	} {
		check("WorkflowAnswer", sendCallback(t, a, requestedAt).Body)
	}
	for schema, fields := range seen {
		require.Equal(t, d.Properties(schema), slices.Sorted(maps.Keys(fields)), schema)
	}
	require.Len(t, seen, 7)
}

// longComment makes an answer that must be truncated.
func longComment(a approval.Answer) approval.Answer {
	a.Votes = slices.Clone(a.Votes)
	for i := range a.Votes {
		a.Votes[i].Comment = strings.Repeat("x", 4000)
	}
	return a
}

// nestedSchemas names the schemas of objects within payloads.
var nestedSchemas = map[string]string{
	"NotificationEvent.data":        "NotificationData",
	"NotificationData.outcome":      "NotificationOutcome",
	"NotificationOutcome.decisions": "NotificationDecision",
	"NotificationDecision.changes":  "AnswerChange",
	"WorkflowAnswer.votes":          "AnswerVote",
	"WorkflowAnswer.changes":        "AnswerChange",
	"AnswerVote.changes":            "AnswerChange",
}

// collect keeps the fields of each schema.
func collect(seen map[string]map[string]bool, schema string, value any) {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			collect(seen, schema, item)
		}
	case map[string]any:
		if seen[schema] == nil {
			seen[schema] = map[string]bool{}
		}
		for name, inner := range v {
			seen[schema][name] = true
			if nested := nestedSchemas[schema+"."+name]; nested != "" {
				collect(seen, nested, inner)
			}
		}
	}
}
