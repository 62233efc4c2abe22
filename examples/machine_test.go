package examples

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/blues/jsonata-go"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/examples/internal/sandbox"
)

// object is the data of a state.
type object = map[string]any

// machine is a state machine, in JSONata or in JSONPath.
type machine struct {
	QueryLanguage, StartAt string
	States                 map[string]machineState
}

// machineState has the fields of a state that lead to the next one.
type machineState struct {
	Type, Next, Default, Resource, ResultPath string
	Output, Seconds                           any
	Choices                                   []rule
	Catch                                     []struct {
		ErrorEquals      []string
		Next, ResultPath string
		Output           any
	}
}

// rule is a branch of a Choice state: Condition is JSONata, and the other fields are JSONPath.
type rule struct {
	Condition, Variable, StringEquals, Next string
}

func readMachine(t require.TestingT, file string) (m machine) {
	require.NoError(t, json.Unmarshal([]byte(readFile(t, file)), &m))
	return m
}

// follow runs the state machine of a file from the answer to its waiting state on. It returns the names of the states
// that follow, and the data that the last one gets. It ends at a state that waits for another token. Tasks return
// nothing.
func (r run) follow(file string, answer sandbox.Answer) (names []string, data map[string]any) {
	m := readMachine(r, file)
	request := parseObject(r, readFile(r, filepath.Dir(file)+"/request.json"))
	waiting := m.States[request["stateName"].(string)]
	next, data := m.end(r, waiting, request, answer)
	for range 10 {
		state, ok := m.States[next]
		require.True(r, ok, next)
		names = append(names, next)
		switch state.Type {
		case "Choice":
			next = m.choose(r, state, data)
			continue
		case "Pass", "Task", "Wait":
			if state.Output != nil {
				data = evaluate(r, state.Output, map[string]any{"input": data}).(map[string]any)
			}
		}
		if next = state.Next; next == "" || strings.HasSuffix(state.Resource, ".waitForTaskToken") {
			return names, data
		}
	}
	require.Fail(r, "the state machine does not end", "%s", names)
	return nil, nil
}

// end ends the waiting state with an answer. It returns the next state and its input.
func (m machine) end(r run, waiting machineState, input object, answer sandbox.Answer) (next string, data object) {
	if answer.Error == "" {
		result := parseObject(r, answer.Output)
		if m.QueryLanguage != "JSONata" {
			return waiting.Next, put(input, waiting.ResultPath, result)
		}
		states := map[string]any{"input": input, "result": result}
		return waiting.Next, evaluate(r, waiting.Output, states).(map[string]any)
	}
	failure := map[string]any{"Error": answer.Error, "Cause": answer.Output}
	for _, c := range waiting.Catch {
		switch {
		case !slices.Contains(c.ErrorEquals, answer.Error):
		case m.QueryLanguage != "JSONata":
			return c.Next, put(input, c.ResultPath, failure)
		default:
			states := map[string]any{"input": input, "errorOutput": failure}
			return c.Next, evaluate(r, c.Output, states).(map[string]any)
		}
	}
	require.Fail(r, "nothing catches the error", answer.Error)
	return "", nil
}

// choose returns the next state of a Choice state.
func (m machine) choose(r run, state machineState, input map[string]any) string {
	for _, c := range state.Choices {
		isTrue := c.Condition != "" && evaluate(r, c.Condition, map[string]any{"input": input}) == true
		if c.Variable != "" {
			var value any = input
			for name := range strings.SplitSeq(strings.TrimPrefix(c.Variable, "$."), ".") {
				object, ok := value.(map[string]any)
				require.True(r, ok, c.Variable)
				value, ok = object[name]
				require.True(r, ok, "a path to a missing name fails the state: %s", c.Variable)
			}
			isTrue = value == c.StringEquals
		}
		if isTrue {
			return c.Next
		}
	}
	return state.Default
}

// put returns the input with a result at a path of one name.
func put(input map[string]any, path string, result any) map[string]any {
	out := map[string]any{strings.TrimPrefix(path, "$."): result}
	for name, value := range input {
		if _, ok := out[name]; !ok {
			out[name] = value
		}
	}
	return out
}

// evaluate returns the value of an expression {% … %}, with $states and with the functions that Step Functions adds.
func evaluate(t require.TestingT, expression any, states map[string]any) any {
	text, ok := expression.(string)
	inner, isExpression := strings.CutPrefix(text, "{% ")
	require.True(t, ok && isExpression, "%v", expression)
	e, err := jsonata.Compile(strings.TrimSuffix(inner, " %}"))
	require.NoError(t, err, text)
	require.NoError(t, e.RegisterVars(map[string]any{"states": states}))
	require.NoError(t, e.RegisterExts(map[string]jsonata.Extension{"parse": {Func: parseJSON}}))
	value, err := e.Eval(nil)
	require.NoError(t, err, text)
	return value
}

func parseJSON(text string) (value any, err error) {
	err = json.Unmarshal([]byte(text), &value)
	return value, err
}

func parseObject(t require.TestingT, text string) (object map[string]any) {
	require.NoError(t, json.Unmarshal([]byte(text), &object), text)
	return object
}

// TestExpressions compiles every expression of the state machines.
func TestExpressions(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*/*.asl.json")
	require.NoError(t, err)
	compiled := 0
	var compile func(value any)
	compile = func(value any) {
		switch value := value.(type) {
		case map[string]any:
			for _, inner := range value {
				compile(inner)
			}
		case []any:
			for _, inner := range value {
				compile(inner)
			}
		case string:
			if inner, ok := strings.CutPrefix(value, "{% "); ok {
				_, err := jsonata.Compile(strings.TrimSuffix(inner, " %}"))
				require.NoError(t, err, value)
				compiled++
			}
		}
	}
	for _, file := range files {
		compile(parseObject(t, readFile(t, file)))
	}
	require.Greater(t, compiled, 30)
}

// TestBranches requires that the state machines compare choices only with choices of their configuration.
func TestBranches(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*/*.asl.json")
	require.NoError(t, err)
	compared := 0
	for _, file := range files {
		c, _, err := config.Load(filepath.Dir(file)+"/relay.yaml", nil, sandbox.Environment)
		require.NoError(t, err)
		ids := choiceIDs(c)
		for name, state := range readMachine(t, file).States {
			for _, branch := range state.Choices {
				for _, id := range branch.choices() {
					require.Contains(t, ids, id, "%s: %s", file, name)
					compared++
				}
			}
		}
	}
	require.GreaterOrEqual(t, compared, 5)
}

// choices returns the IDs of choices that the branch is for.
func (c rule) choices() []string {
	var ids []string
	if strings.HasSuffix(c.Variable, ".choice") {
		ids = append(ids, c.StringEquals)
	}
	for _, part := range strings.Split(c.Condition, ".choice = '")[1:] {
		id, _, _ := strings.Cut(part, "'")
		ids = append(ids, id)
	}
	return slices.DeleteFunc(ids, func(id string) bool { return id == "" })
}

func choiceIDs(c *config.Config) []string {
	var ids []string
	for _, w := range c.Workflows {
		for _, choice := range w.Decision.Choices {
			ids = append(ids, choice.ID)
		}
	}
	return ids
}
