package examples

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/examples/internal/sandbox"
	"github.com/approval-relay/approval-relay/receipt"
)

// run is one run of an example.
type run struct {
	*testing.T
	*sandbox.Sandbox
	client *http.Client // of the person who decides; it keeps cookies
}

// examples are the examples, each with the steps that approve and that reject its request.
var examples = map[string]struct{ approve, reject func(run) }{
	"refunds":         {approveRefund, rejectRefund},
	"deployments":     {approveDeployment, rejectDeployment},
	"access-requests": {approveAccess, rejectAccess},
	"document-review": {approveDocument, returnDocument},
	"model-review":    {correctPrediction, leavePrediction},
}

// listFolders returns the names of the examples' folders.
func listFolders(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*/relay.yaml")
	require.NoError(t, err)
	var names []string
	for _, f := range files {
		names = append(names, filepath.Dir(f))
	}
	require.Len(t, names, len(examples), "every folder has a test")
	return names
}

// TestConfigurations loads every relay.yaml as `check config --strict` does.
func TestConfigurations(t *testing.T) {
	t.Parallel()
	for _, name := range listFolders(t) {
		_, warnings, err := config.Load(filepath.Join(name, "relay.yaml"), nil, sandbox.Environment)
		require.NoError(t, err, name)
		require.Empty(t, warnings, name)
	}
}

// TestExamples runs every example twice, from its request to the answer.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, name := range listFolders(t) {
		steps := map[string]func(run){"approve": examples[name].approve, "reject": examples[name].reject}
		for outcome, decide := range steps {
			t.Run(name+"/"+outcome, func(t *testing.T) {
				t.Parallel()
				decide(startExample(t, name))
			})
		}
	}
}

// startExample runs an example and sends its request.
func startExample(t *testing.T, example string) run {
	t.Helper()
	s, err := sandbox.Start(t.Context(), example, io.Discard)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.SendRequest(t.Context()))
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return run{T: t, Sandbox: s, client: &http.Client{Jar: jar}}
}

func approveRefund(r run) {
	first := r.firstMessage("slack", "ann@example.com")
	require.Contains(r, first.Text, "480.00 EUR")
	r.pressButton(first, "ann@example.com", "choice:approve")
	r.decideByLink(r.firstMessage("slack", "bob@example.com").Link, "approve_up_to", "amount", "400")
	page := r.loadPage(first.Link) // the vote for 480.00 is void, so Ann may vote again
	require.Regexp(r, `<del[^>]*>480</del> → <ins[^>]*>400</ins>`, page)
	require.Contains(r, page, "<form")
	r.decideByLink(r.firstMessage("slack", "cid@example.com").Link, "approve")
	answer := r.waitForAnswer()
	require.Empty(r, answer.Error)
	votes := jsonField(r, answer.Output, "votes").([]any)
	require.Len(r, votes, 3)
	require.Equal(r, true, votes[0].(map[string]any)["void"], "the vote for 480.00")
	r.matchGuide(answer.Output)
	states, data := r.follow("refunds/statemachine.asl.json", answer)
	require.Equal(r, []string{"Has the amount changed?", "Take the approved amount", "Pay refund"}, states)
	require.InDelta(r, 400, data["refund"].(map[string]any)["amount"], 0)
	require.Equal(r, "Ada Lovelace", data["refund"].(map[string]any)["customer"])
}

func rejectRefund(r run) {
	r.decideByLink(r.firstMessage("slack", "cid@example.com").Link, "reject", "cause", "duplicate")
	answer := r.waitForAnswer()
	require.Equal(r, "ApprovalDenied", answer.Error)
	states, _ := r.follow("refunds/statemachine.asl.json", answer)
	require.Equal(r, []string{"Why rejected?", "Already refunded"}, states)
}

func approveDeployment(r run) {
	r.firstMessage("slack", "") // the group knows, and the link of its message has no form
	require.NotContains(r, r.loadPage(r.firstMessage("slack", "").Link), "<form")
	for _, action := range []string{"requested", "approved"} { // GitHub sends both, and the first is not a decision
		want := map[string]int{"requested": http.StatusNoContent, "approved": http.StatusOK}[action]
		body := strings.Replace(readFile(r, "deployments/decision.json"), `"approved"`, `"`+action+`"`, 1)
		require.Equal(r, want, r.postGitHub(body))
	}
	answer := r.waitForAnswer()
	require.Empty(r, answer.Error)
	require.Equal(r, "octocat", jsonField(r, answer.Output, "decidedBy"))
	require.Equal(r, "The canary is healthy", jsonField(r, answer.Output, "comment"))
	require.Eventually(r, func() bool {
		var types []string
		for _, event := range r.AWS.EventBridge.Events("deployments") {
			types = append(types, event.DetailType)
		}
		slices.Sort(types)
		return slices.Equal(types, []string{"approval.decided", "approval.requested", "callback.delivered"})
	}, stepLimit, 10*time.Millisecond)
}

// TestReviewScript runs the third command of the README of deployments.
func TestReviewScript(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"curl", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	r := startExample(t, "deployments")
	r.firstMessage("slack", "")
	script := exec.CommandContext(t.Context(), "deployments/review.sh")
	secret := sandbox.Environment("GITHUB_WEBHOOK_SECRET")
	script.Env = append(os.Environ(), "PUBLIC_URL="+r.Public, "GITHUB_WEBHOOK_SECRET="+secret)
	output, err := script.CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Empty(t, r.waitForAnswer().Error)
}

func rejectDeployment(r run) {
	r.firstMessage("slack", "")
	body := strings.Replace(readFile(r, "deployments/decision.json"), `"approved"`, `"rejected"`, 1)
	stranger := strings.Replace(body, `"login": "octocat"`, `"login": "hubot"`, 1)
	require.Equal(r, http.StatusForbidden, r.postGitHub(stranger), "hubot is not a release manager")
	require.Equal(r, http.StatusOK, r.postGitHub(body))
	require.Equal(r, "ApprovalDenied", r.waitForAnswer().Error)
}

// approveAccess lets the substitute of the manager, who is away, sign in and approve.
func approveAccess(r run) {
	r.firstMessage("mail", "ann@example.com")
	link := r.firstMessage("mail", "dan@example.com").Link
	require.NotContains(r, r.loadPage(link), "<form", "the link alone does not decide")
	r.Provider.SignInAs("dan@example.com")
	r.decideByLink(link, "approve", "hours", "8")
	answer := r.waitForAnswer()
	require.Empty(r, answer.Error)
	states, data := r.follow("access-requests/statemachine.asl.json", answer)
	require.Equal(r, []string{"Grant role", "Wait", "Remove role"}, states)
	wait := readMachine(r, "access-requests/statemachine.asl.json").States["Wait"].Seconds
	require.InDelta(r, 8*3600, evaluate(r, wait, map[string]any{"input": data}), 0)
	r.verifyReceipt(answer.Output, "access")
}

// verifyReceipt verifies the receipt of an answer with the public keys of the worker, for a part of the request.
func (r run) verifyReceipt(answer, part string) {
	keys, err := receipt.ParseKeys([]byte(r.loadPage(r.Public + "/.well-known/approval-relay/jwks.json")))
	require.NoError(r, err)
	verified, err := receipt.Verify([]byte(answer), keys)
	require.NoError(r, err)
	payload := jsonField(r, readFile(r, "access-requests/request.json"), part).(map[string]any)
	text, err := json.Marshal(payload)
	require.NoError(r, err)
	require.NoError(r, verified.Receipt.CheckPayload(text))
	payload["account"] = "another"
	text, err = json.Marshal(payload)
	require.NoError(r, err)
	require.Error(r, verified.Receipt.CheckPayload(text))
}

func rejectAccess(r run) {
	link := r.firstMessage("mail", "ann@example.com").Link
	r.Provider.SignInAs("bob@example.com") // the requester
	require.NotContains(r, r.loadPage(r.signIn(link)), "<form")
	r.Provider.SignInAs("ann@example.com")
	r.decideByLink(link, "reject", "reason", "role")
	answer := r.waitForAnswer()
	require.Equal(r, "ApprovalDenied", answer.Error)
	states, _ := r.follow("access-requests/statemachine.asl.json", answer)
	require.Equal(r, []string{"Why rejected?", "Propose a smaller role"}, states)
}

func approveDocument(r run) {
	for _, reviewer := range []string{"legal@example.com", "security@example.com", "product@example.com"} {
		m := r.firstMessage("mail", reviewer)
		require.Contains(r, m.Text, "more characters are on the page", "the mail shows the beginning of a long detail")
		require.Contains(r, r.loadPage(m.Link), "24 hours after it became known")
		r.decideByLink(m.Link, "approve")
	}
	answer := r.waitForAnswer()
	require.Equal(r, true, jsonField(r, answer.Output, "approved"))
	require.Equal(r, "3.2", jsonField(r, answer.Output, "version"))
	for _, file := range documentMachines {
		states, _ := r.follow(file, answer)
		require.Equal(r, []string{"What did they choose?", "Publish"}, states)
	}
}

// documentMachines are the state machine of the document review in JSONata and in JSONPath.
var documentMachines = []string{
	"document-review/statemachine.asl.json",
	"document-review/statemachine.jsonpath.asl.json",
}

// returnDocument returns a document to its author, who asks again.
func returnDocument(r run) {
	first := r.firstMessage("mail", "legal@example.com")
	r.decideByLink(first.Link, "return")
	answer := r.waitForAnswer()
	require.Empty(r, answer.Error, "the state machine branches on the choice")
	require.Equal(r, "returned", jsonField(r, answer.Output, "status"))
	for _, file := range documentMachines {
		states, data := r.follow(file, answer)
		require.Equal(r, []string{"What did they choose?", "Return to author"}, states)
		require.Equal(r, "a comment", data["review"].(map[string]any)["comment"])
	}
	require.NoError(r, r.SendRequest(r.Context()))
	again := r.nextMessage("mail", "legal@example.com", first)
	page := r.loadPage(again.Link)
	require.Contains(r, page, "Round 2")
	require.Contains(r, page, "a comment")
	r.decideByLink(again.Link, "approve")
}

func correctPrediction(r run) {
	answer := r.reviewPrediction("correct")
	require.Equal(r, true, jsonField(r, answer, "approved"))
	require.Equal(r, "credit_note", jsonField(r, answer, "values", "label"))
	require.InDelta(r, 90, jsonField(r, answer, "values", "certainty"), 0)
	require.Equal(r, []any{map[string]any{
		"path": "/prediction/label",
		"from": "duplicate",
		"to":   "credit_note",
		"by":   "mia@example.com",
	}}, jsonField(r, answer, "changes"))
}

func leavePrediction(r run) {
	answer := r.reviewPrediction("unclear")
	require.Equal(r, false, jsonField(r, answer, "approved"))
	require.Empty(r, jsonField(r, answer, "values"))
}

// reviewPrediction posts the verdict of the labelling tool, and returns the answer at the callback URL.
func (r run) reviewPrediction(choice string) string {
	approvalID := jsonField(r, r.firstMessage("webhook", "").Text, "data", "approvalId").(string)
	body := readFile(r, "model-review/decision.json")
	require.Equal(r, http.StatusNotFound, r.postStandard("labels", "LABELS_SECRET", body), "the approval is unknown")
	body = strings.Replace(body, "the approvalId of the notification", approvalID, 1)
	wrong := strings.Replace(body, `"certainty": 90`, `"certainty": 30`, 1)
	require.Equal(r, http.StatusUnprocessableEntity, r.postStandard("labels", "LABELS_SECRET", wrong))
	if choice == "unclear" {
		body = strings.Replace(body, `"correct",
    "values": {"label": "credit_note", "certainty": 90}`, `"unclear"`, 1)
	}
	require.Equal(r, http.StatusOK, r.postStandard("labels", "LABELS_SECRET", body))
	answer := r.waitForAnswer()
	require.Equal(r, choice, jsonField(r, answer.Output, "choice"))
	require.Equal(r, "duplicate", jsonField(r, answer.Output, "predicted"))
	require.Equal(r, "mia@example.com", jsonField(r, answer.Output, "decidedBy"))
	verifier, err := standardwebhooks.NewWebhook(sandbox.Environment("CALLBACK_SECRET"))
	require.NoError(r, err)
	require.NoError(r, verifier.Verify(answer.Post.Body, answer.Post.Header))
	return answer.Output
}

// waitingState is the state of a state machine that waits for the approval.
type waitingState struct {
	Type, Resource                   string
	TimeoutSeconds, HeartbeatSeconds int
	Arguments                        struct {
		QueueURL    string `json:"QueueUrl"`
		MessageBody map[string]any
	}
	Catch []struct {
		ErrorEquals []string
		Next        string
	}
	Next string
}

// TestStateMachines compares each state machine with its request and its configuration.
func TestStateMachines(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*/statemachine.asl.json")
	require.NoError(t, err)
	require.Len(t, files, 4)
	for _, file := range files {
		folder := filepath.Dir(file)
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			var machine struct {
				StartAt string
				States  map[string]json.RawMessage
			}
			require.NoError(t, json.Unmarshal([]byte(readFile(t, file)), &machine))
			require.Contains(t, machine.States, machine.StartAt)
			var request map[string]any
			require.NoError(t, json.Unmarshal([]byte(readFile(t, folder+"/request.json")), &request))
			var state waitingState
			name, _ := request["stateName"].(string)
			require.NoError(t, json.Unmarshal(machine.States[name], &state))
			c, _, err := config.Load(folder+"/relay.yaml", nil, sandbox.Environment)
			require.NoError(t, err)
			checkWaitingState(t, state, request, c)
			for _, next := range nextStates(t, machine.States) {
				require.Contains(t, machine.States, next)
			}
		})
	}
}

// checkWaitingState checks that the state sends the fields of the request to the queue of the configuration, and that
// it catches every error with which it may end.
func checkWaitingState(t *testing.T, state waitingState, request map[string]any, c *config.Config) {
	t.Helper()
	require.Equal(t, "arn:aws:states:::sqs:sendMessage.waitForTaskToken", state.Resource)
	require.ElementsMatch(t, fieldNames(request), fieldNames(state.Arguments.MessageBody))
	require.NotContains(t, state.Arguments.MessageBody, "approvers", "the configuration names them")
	require.Equal(t, "{% $states.context.State.RetryCount %}", state.Arguments.MessageBody["retryCount"])
	require.Equal(t, "{% $states.context.State.Name %}", state.Arguments.MessageBody["stateName"])
	require.InDelta(t, state.TimeoutSeconds, state.Arguments.MessageBody["timeoutSeconds"], 0)
	require.InDelta(t, state.TimeoutSeconds, request["timeoutSeconds"], 0)
	for _, w := range c.Workflows {
		require.Equal(t, w.Requests.SQS.Queue, filepath.Base(state.Arguments.QueueURL))
		require.Equal(t, w.Deadline, time.Duration(state.TimeoutSeconds)*time.Second)
		require.Less(t, w.Heartbeat, time.Duration(state.HeartbeatSeconds)*time.Second/2)
		expected := []string{"ApprovalCancelled", "ApprovalTimedOut", "States.Timeout", "States.HeartbeatTimeout"}
		if w.Callback.OnReject != "success" {
			expected = append(expected, "ApprovalDenied")
		}
		var caught []string
		for _, handler := range state.Catch {
			caught = append(caught, handler.ErrorEquals...)
		}
		require.ElementsMatch(t, expected, caught)
	}
}

// nextStates returns the names of the states to which the states lead.
func nextStates(t *testing.T, states map[string]json.RawMessage) []string {
	t.Helper()
	var names []string
	for _, text := range states {
		var s struct {
			Next, Default  string
			Choices, Catch []struct{ Next string }
		}
		require.NoError(t, json.Unmarshal(text, &s))
		names = append(names, s.Next, s.Default)
		for _, branch := range slices.Concat(s.Choices, s.Catch) {
			names = append(names, branch.Next)
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

func readFile(t require.TestingT, path string) string {
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}
