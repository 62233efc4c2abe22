package deploy

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// machine has the fields of the Amazon States Language (https://states-language.net/spec.html) that the example uses.
// Other fields, such as a misspelt TimeoutSeconds, are refused.
type machine struct {
	Comment       string
	QueryLanguage string
	StartAt       string
	States        map[string]state
}

type state struct {
	Type, Resource, Next, Error, Cause, ResultPath string
	TimeoutSeconds, HeartbeatSeconds               int
	Parameters, Arguments                          *message
	Output                                         string
	Retry                                          []struct {
		ErrorEquals                  []string
		IntervalSeconds, MaxAttempts int
		BackoffRate                  float64
		JitterStrategy               string
	}
	Catch []struct {
		ErrorEquals              []string
		ResultPath, Output, Next string
	}
}

// message has the parameters of sqs:SendMessage.
type message struct {
	QueueURL    string `json:"QueueUrl"`
	MessageBody map[string]any
}

func load(t *testing.T, language string) (machine, state) {
	t.Helper()
	var m machine
	in := json.NewDecoder(strings.NewReader(read(t, root+"deploy/terraform/examples/orders/"+language+".asl.json")))
	in.DisallowUnknownFields()
	require.NoError(t, in.Decode(&m))
	require.Contains(t, m.States, m.StartAt)
	return m, m.States[m.StartAt]
}

// TestStateMachines checks that the waiting state sends its token, has a timeout and a heartbeat, and catches every
// error with which it may end.
func TestStateMachines(t *testing.T) {
	t.Parallel()
	for language, dynamic := range map[string]func(name, value string) bool{
		"jsonpath": func(name, value string) bool { return strings.HasSuffix(name, ".$") == !literal(value) },
		"jsonata": func(name, value string) bool {
			return !strings.Contains(name, "$") && strings.HasPrefix(value, "{% ") == strings.HasSuffix(value, " %}")
		},
	} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			m, ask := load(t, language)
			require.Equal(t, "Task", ask.Type)
			require.Equal(t, "arn:aws:states:::sqs:sendMessage.waitForTaskToken", ask.Resource)
			require.Positive(t, ask.HeartbeatSeconds)
			require.Greater(t, ask.TimeoutSeconds, ask.HeartbeatSeconds)

			sent := ask.Parameters
			if language == "jsonata" {
				require.Equal(t, "JSONata", m.QueryLanguage)
				require.Nil(t, ask.Parameters)
				sent = ask.Arguments
			}
			require.Equal(t, "${queue_url}", sent.QueueURL, "filled in by Terraform and compose")
			require.InDelta(t, ask.TimeoutSeconds, sent.MessageBody["timeoutSeconds"], 0)
			for name, value := range sent.MessageBody {
				if text, ok := value.(string); ok {
					require.True(t, dynamic(name, text), "%s: %s is no expression of this language", name, text)
				}
			}

			caught := map[string]bool{}
			for _, c := range ask.Catch {
				for _, e := range c.ErrorEquals {
					caught[e] = true
				}
				require.Equal(t, language == "jsonata", c.Output != "")
				require.Equal(t, language == "jsonpath", c.ResultPath != "")
				require.Contains(t, m.States, c.Next)
			}
			for _, e := range []string{"ApprovalDenied", "ApprovalTimedOut", "ApprovalCancelled", "States.Timeout", "States.HeartbeatTimeout"} {
				require.True(t, caught[e], "%s is not caught", e)
			}
			for _, r := range ask.Retry { // an answer must not be retried
				for _, e := range r.ErrorEquals {
					require.True(t, strings.HasPrefix(e, "SQS."), e)
				}
			}
			require.Contains(t, m.States, ask.Next)
		})
	}
}

func literal(value string) bool {
	return !strings.HasPrefix(value, "$") && !strings.HasPrefix(value, "States.")
}

// TestStateMachinesAgree checks that the examples in both languages send the same fields and handle the same errors.
func TestStateMachinesAgree(t *testing.T) {
	t.Parallel()
	_, one := load(t, "jsonpath")
	_, other := load(t, "jsonata")
	names := func(body map[string]any) []string {
		var out []string
		for name := range maps.Keys(body) {
			out = append(out, strings.TrimSuffix(name, ".$"))
		}
		slices.Sort(out)
		return out
	}
	require.Equal(t, names(one.Parameters.MessageBody), names(other.Arguments.MessageBody))
	require.Equal(t, one.TimeoutSeconds, other.TimeoutSeconds)
	require.Equal(t, one.HeartbeatSeconds, other.HeartbeatSeconds)
	require.Equal(t, one.Retry, other.Retry)
	for i := range one.Catch {
		require.Equal(t, one.Catch[i].ErrorEquals, other.Catch[i].ErrorEquals)
		require.Equal(t, one.Catch[i].Next, other.Catch[i].Next)
	}
}
