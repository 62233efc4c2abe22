package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
)

// The number of deadlines that a workflow can have at the same moment is what the rate of its target admits within its
// margin.
func TestDeadlineWaves(t *testing.T) {
	t.Parallel()
	text := `
targets:
  stepfunctions: {stepfunctions: {rate: 100, burst: 500}}
  mine: {http: {secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]}}
workflows:
  a: {margin: 1m}
  b: {margin: 1m, task_timeout: 100s}
  c: {callback: {token_target: stepfunctions, url_target: mine}}
`
	c, _, err := config.Parse("relay.yaml", []byte(text), noEnvironment)
	require.NoError(t, err)
	require.Equal(t, []config.DeadlineWave{
		{Workflow: "a", Target: "stepfunctions", Answers: 6500, Rate: 100, Burst: 500, Margin: "1m"},
		{Workflow: "b", Target: "stepfunctions", Answers: 1500, Rate: 100, Burst: 500, Margin: "10s"},
		{Workflow: "c", Target: "stepfunctions", Answers: 3500, Rate: 100, Burst: 500, Margin: "30s"},
	}, c.DeadlineWaves())
}

// A workflow that expects more deadlines at the same moment than can be answered is warned about.
func TestWarnsOfTooManyDeadlines(t *testing.T) {
	t.Parallel()
	for expected, want := range map[string][]string{
		"0":     nil,
		"14400": nil,
		"50000": {"line 3: workflows.orders.expected_deadlines: is 50000, but target stepfunctions answers only 14400 within the " +
			"margin of 30s (400 calls a second, after 2400 at once): a margin of 1m59s is enough"},
	} {
		text := "aws: {region: eu-west-1}\nworkflows:\n  orders: {expected_deadlines: " + expected + "}\n"
		_, warnings, err := config.Parse("relay.yaml", []byte(text), noEnvironment)
		require.NoError(t, err)
		var got []string
		for _, w := range warnings {
			got = append(got, w.String())
		}
		require.Equal(t, want, got)
	}
	_, _, err := config.Parse("relay.yaml", []byte("workflows: {orders: {expected_deadlines: -1}}\n"), noEnvironment)
	require.ErrorContains(t, err, "expected_deadlines: must be 0 or more")
}

func noEnvironment(string) string { return "" }
