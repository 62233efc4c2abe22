package deploy

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/expression"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/test/internal/chart"
)

// TestConfigurations loads every configuration in deploy/.
func TestConfigurations(t *testing.T) {
	t.Parallel()
	files := []string{"../../deploy/helm/approval-relay/values.yaml"}
	good, err := filepath.Glob("testdata/values/good_*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, good)
	for _, file := range append(files, good...) {
		good, warnings, err := chart.Config(t, []byte(read(t, file)))
		require.NoError(t, err, file)
		require.Empty(t, warnings, file)
		require.Equal(t, "0.0.0.0:9090", good.Operator.Listen)
	}
	c, warnings, err := config.Parse(
		"compose",
		[]byte(read(t, "../../deploy/compose/relay.yaml")),
		func(string) string { return "a value of enough bytes" },
	)
	require.NoError(t, err)
	require.Empty(t, warnings)
	require.Equal(t, "0.0.0.0:9090", c.Operator.Listen, "Prometheus and the published port come from outside the container")
}

// TestGracePeriods checks that every way of deployment waits longer than the program needs for its shutdown.
func TestGracePeriods(t *testing.T) {
	t.Parallel()
	own := config.Defaults().Shutdown.Timeout
	for file, pattern := range map[string]string{
		"approval-relay.service":           `(?m)^TimeoutStopSec=(\d+)$`,
		"compose/compose.yaml":             `stop_grace_period: (\d+)s`,
		"ecs/task-definition.json":         `"stopTimeout": (\d+)`,
		"ecs/fargate/task-definition.json": `"stopTimeout": (\d+)`,
	} {
		found := regexp.MustCompile(pattern).FindStringSubmatch(read(t, "../../deploy/"+file))
		require.Len(t, found, 2, file)
		seconds, err := strconv.Atoi(found[1])
		require.NoError(t, err)
		require.GreaterOrEqual(t, time.Duration(seconds)*time.Second, own+10*time.Second, file)
	}
	chart, _, err := chart.Config(t, nil)
	require.NoError(t, err)
	require.Equal(t, own, chart.Shutdown.Timeout)
	require.Contains(t, read(t, "../../deploy/helm/approval-relay/templates/_helpers.tpl"), `(add $needed 15)`)
}

// TestChartSchema checks that the chart's schema knows every part of the configuration and every name of a secret. A
// secret with an unknown name could be written into a ConfigMap.
func TestChartSchema(t *testing.T) {
	t.Parallel()
	var schema struct {
		Properties struct {
			Config struct{ Properties map[string]any }
		}
		Definitions struct {
			Part struct{ Properties map[string]any }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(read(t, "../../deploy/helm/approval-relay/values.schema.json")), &schema))
	known := schema.Properties.Config.Properties
	parts := config.Describe()
	for _, part := range parts {
		require.Contains(t, known, part.Name)
	}
	require.Len(t, known, len(parts))
	for _, name := range secretFields(parts) {
		// These two names are too common for a rule about all fields. The schema has rules for their places: the tokens below
		// operator, and the URL of a channel's webhook.
		if name != "token" && name != "url" {
			require.Contains(t, schema.Definitions.Part.Properties, name, "a secret with a name that the schema does not know")
		}
	}
}

// secretFields lists the names of the fields that hold secrets, at any depth.
func secretFields(parts []*config.Field) []string {
	var names []string
	for _, part := range parts {
		part.Walk(func(f *config.Field) {
			t := f.Type
			for t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
				t = t.Elem()
			}
			if t == reflect.TypeFor[secret.Text]() {
				names = append(names, f.Name)
			}
		})
	}
	return names
}

// TestExampleBodies checks that the messages of the example's state machines are understood without configuration.
func TestExampleBodies(t *testing.T) {
	t.Parallel()
	c, _, err := config.Parse("none", nil, func(string) string { return "a value of enough bytes" })
	require.NoError(t, err)
	w := c.Compiled.Workflows["default"]
	for _, language := range []string{"jsonpath", "jsonata"} {
		in := exampleBody(t, language)
		for name, f := range map[string]struct {
			field handlers.Field[string]
			want  string
		}{
			"order": {w.Fields.Order, "A-1"}, "token": {w.Fields.Token, "AQCEAAAA"}, "step": {w.Fields.Step, "manager"},
			"title": {w.Fields.Title, "Order A-1 over 1250 EUR"}, "requester": {w.Fields.Requester, "bob@example.com"},
			"execution": {w.Fields.Execution, "arn:aws:states:eu-west-1:111122223333:execution:orders:e"},
		} {
			value, found, err := f.field.Find(in)
			require.NoError(t, err)
			require.True(t, found, "%s is not found in what %s sends", name, language)
			require.Equal(t, f.want, value)
		}
		approvers, _, err := w.Fields.Approvers.Find(in)
		require.NoError(t, err)
		require.Equal(t, []string{"manager@example.com"}, approvers)
		timeout, _, err := w.Fields.Timeout.Find(in)
		require.NoError(t, err)
		require.Equal(t, 24*time.Hour, timeout)
		started, found, err := w.Fields.Started.Find(in)
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, 2026, started.Year())
		_, found, _ = w.Fields.Deadline.Find(in)
		require.False(t, found, "a time of entry is not a deadline")
	}
	require.LessOrEqual(t, len("AQCEAAAA"), approval.MaxToken)
}

// exampleBody returns the message of a state machine with values in place of its expressions.
func exampleBody(t *testing.T, language string) handlers.Input {
	t.Helper()
	var m struct {
		States map[string]struct {
			Parameters, Arguments struct{ MessageBody map[string]any }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(read(t, "../../deploy/terraform/examples/orders/"+language+".asl.json")), &m))
	ask := m.States["Ask for approval"]
	template := ask.Parameters.MessageBody
	if template == nil {
		template = ask.Arguments.MessageBody
	}
	body := map[string]any{}
	values := map[string]any{
		"taskToken":    "AQCEAAAA",
		"orderId":      "A-1",
		"title":        "Order A-1 over 1250 EUR",
		"requester":    "bob@example.com",
		"executionArn": "arn:aws:states:eu-west-1:111122223333:execution:orders:e",
		"stateName":    "Ask for approval",
		"enteredTime":  "2026-11-24T02:15:50.940Z",
		"retryCount":   0,
		"total":        1250,
	}
	for name, v := range template {
		plain, computed := strings.CutSuffix(name, ".$")
		if text, ok := v.(string); computed || ok && strings.HasPrefix(text, "{%") {
			v, ok = values[plain]
			require.True(t, ok, "the test has no value for %s", plain)
		}
		body[plain] = v
	}
	text, err := json.Marshal(body)
	require.NoError(t, err)
	decoded, err := expression.DecodeJSON(text)
	require.NoError(t, err, string(text))
	return handlers.Input{Body: decoded}
}
