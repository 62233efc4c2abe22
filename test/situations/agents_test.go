package situations

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/api"
)

// askAs sends a document of an agent, and returns its approval and its token.
func (r *relay) askAs(workflow, file, order string) (api.Approval, string) {
	r.Helper()
	body := strings.Replace(r.read(file), "ORDER", order, 1)
	var sent struct {
		Token string `json:"taskToken"`
	}
	require.NoError(r, json.Unmarshal([]byte(body), &sent))
	got := r.ask(workflow, body)
	require.Equal(r, http.StatusAccepted, got.status, got.text)
	return r.pending(order), sent.Token
}

// resumeOf returns the member with which the agent resumes, in the answer to its task.
func (r *relay) resumeOf(token string) string {
	r.Helper()
	r.isAnswered(token)
	task, _ := r.aws.StepFunctions.FindTask(token)
	var answer struct {
		Resume json.RawMessage `json:"resume"`
	}
	require.NoError(r, json.Unmarshal([]byte(task.Output), &answer), "%s %s", task.Output, task.Cause)
	return string(answer.Resume)
}

// agentCase is a decision about a document of an agent, with the value for the agent.
type agentCase struct{ workflow, file, decision, title, resume string }

func langChainCases() []agentCase {
	edited := `{"to":"alice@example.com","subject":"Hello, Alice","priority":2}`
	return []agentCase{
		{"langchain", "langchain.json", `{"choice":"approve"}`, "Tool execution requires approval\n\nTool: send_email",
			`{"decisions":[{"type":"approve"}]}`},
		{"langchain", "langchain.json", `{"choice":"edit","values":` + edited + `}`, "",
			`{"decisions":[{"type":"edit","edited_action":{"name":"send_email",
			"args":{"to":"alice@example.com","subject":"Hello, Alice","priority":2,"attachments":["a.pdf"]}}}]}`},
		{"langchain", "langchain.json", `{"choice":"reject","comment":"User rejected this action"}`, "",
			`{"decisions":[{"type":"reject","message":"User rejected this action"}]}`},
		{"langchain", "langchain.json", `{"choice":"respond","comment":"Blue."}`, "",
			`{"decisions":[{"type":"respond","message":"Blue."}]}`},
		{"langchain", "langchain_two.json", `{"decision":"approve"}`, "Write a file\nRun SQL",
			`{"decisions":[{"type":"approve"},{"type":"approve"}]}`},
		{"langchain", "langchain_two.json", `{"decision":"reject"}`, "",
			`{"decisions":[{"type":"reject"},{"type":"reject"}]}`},
		{"langchain", "langchain_interrupted.json", `{"choice":"edit","values":{"amount":15,"email":"bob@example.com"}}`, "Please refund",
			`{"decisions":[{"type":"edit","edited_action":{"name":"refund",
			"args":{"email":"bob@example.com","amount":15,"lines":[{"sku":"a"}],"note":null}}}]}`},
		{"langchain", "langchain_javascript.json", `{"choice":"edit","values":{"subject":"Hello, Alice"}}`, "",
			`{"decisions":[{"type":"edit","editedAction":{"name":"send_email","args":{"to":"alice@example.com","subject":"Hello, Alice"}}}]}`},
		{"langchain", "langchain_javascript.json", `{"choice":"approve"}`, "", `{"decisions":[{"type":"approve"}]}`},
	}
}

func otherAgentCases() []agentCase {
	return []agentCase{
		{"ag_ui", "ag_ui.json", `{"decision":"approve"}`, "Send email to a@b.com with subject 'Hi'?",
			`[{"interruptId":"int-abc123","status":"resolved","payload":{"approved":true}}]`},
		{"ag_ui", "ag_ui.json", `{"decision":"reject"}`, "",
			`[{"interruptId":"int-abc123","status":"resolved","payload":{"approved":false}}]`},
		{"ag_ui", "ag_ui_edits.json", `{"choice":"edit","values":{"to":"a@b.com","subject":"Hi","body":"Hi (revised per my note)"}}`, "",
			`[{"interruptId":"int-email-edit","status":"resolved","payload":{"approved":true,
			"editedArgs":{"to":"a@b.com","subject":"Hi","body":"Hi (revised per my note)"}}}]`},
		{"mcp", "mcp.json", `{"choice":"approve","values":{"name":"Monalisa Octocat","email":"octocat@github.com","age":30}}`,
			"Please provide your contact information",
			`{"action":"accept","content":{"name":"Monalisa Octocat","email":"octocat@github.com","age":30}}`},
		{"mcp", "mcp.json", `{"choice":"reject"}`, "", `{"action":"decline"}`},
	}
}

// TestAgents sends the documents of agents as they are, decides them, and gets the values with which the agents resume.
func TestAgents(t *testing.T) {
	t.Parallel()
	r := start(t, "agents")
	for i, c := range append(langChainCases(), otherAgentCases()...) {
		order := fmt.Sprintf("G-%d", i)
		a, token := r.askAs(c.workflow, c.file, order)
		if c.title != "" {
			require.Equal(t, c.title, a.Title)
		}
		got := r.asProgram(http.MethodPost, "/v1/orders/"+order+"/decisions", c.decision)
		require.Equal(t, http.StatusOK, got.status, got.text)
		require.JSONEq(t, c.resume, r.resumeOf(token), "%s %s", c.file, c.decision)
	}
}

// TestAgentsCancelled holds that an agent whose request nobody answered learns that, too.
func TestAgentsCancelled(t *testing.T) {
	t.Parallel()
	r := start(t, "agents")
	for workflow, want := range map[string]string{
		"langchain": `{"decisions":[{"type":"reject","message":"the run ended"}]}`,
		"ag_ui":     `[{"interruptId":"int-abc123","status":"cancelled"}]`,
		"mcp":       `{"action":"cancel"}`,
	} {
		_, token := r.askAs(workflow, workflow+".json", "X-"+workflow)
		got := r.asOperator(http.MethodPost, "/v1/orders/X-"+workflow+"/cancel", `{"reason":"the run ended"}`)
		require.Equal(t, http.StatusOK, got.status, got.text)
		r.eventually("the task has failed", func() bool {
			task, _ := r.aws.StepFunctions.FindTask(token)
			return task.Cause != ""
		})
		task, _ := r.aws.StepFunctions.FindTask(token)
		var answer struct {
			Resume json.RawMessage `json:"resume"`
		}
		require.NoError(t, json.Unmarshal([]byte(task.Cause), &answer), task.Cause)
		require.JSONEq(t, want, string(answer.Resume))
	}
}

// TestAgentsRefused holds that a document that is not of the shape is refused with its reason, and that the form refuses
// values before the agent gets them.
func TestAgentsRefused(t *testing.T) {
	t.Parallel()
	r := start(t, "agents")
	for body, want := range map[string]string{
		`"action_requests":[]`: "are not as LangChain has them",
		`"actions":[]`:         "has no action_requests",
		`"action_requests":[{"name":"a","args":{}}],"review_configs":[]`:                                                  "no entry for an action",
		`"action_requests":[{"name":"a","args":{}}],"review_configs":[{"action_name":"a","allowed_decisions":["maybe"]}]`: "leaves nothing to decide",
	} {
		got := r.ask("langchain", `{"orderId":"N","taskToken":"`+r.token()+`",`+body+`}`)
		require.Equal(t, http.StatusUnprocessableEntity, got.status, body)
		require.Contains(t, got.text, want)
	}
	r.askAs("mcp", "mcp.json", "M")
	got := r.asProgram(http.MethodPost, "/v1/orders/M/decisions", `{"choice":"approve","values":{"name":"x","email":"no address","age":17}}`)
	require.Equal(t, http.StatusUnprocessableEntity, got.status, got.text)
	require.Equal(t, "age:too_small email:bad_format", faultsIn(t, got.text))
}

// TestAgentsSchema holds that only arguments which args_schema describes as a form does can be edited, and that they are
// judged by it.
func TestAgentsSchema(t *testing.T) {
	t.Parallel()
	r := start(t, "agents")
	a, _ := r.askAs("langchain", "langchain_interrupted.json", "S")
	edit := slices.IndexFunc(a.Choices, func(c api.Choice) bool { return c.ID == "edit" })
	require.Equal(t, []string{"amount", "email"}, a.Choices[edit].Fields)
	got := r.asProgram(http.MethodPost, "/v1/orders/S/decisions", `{"choice":"edit","values":{"amount":101,"email":"none","lines":[]}}`)
	require.Equal(t, http.StatusUnprocessableEntity, got.status, got.text)
	require.Equal(t, "amount:too_great email:bad_format lines:unknown", faultsIn(t, got.text))
}
