package app

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/config"
)

// The settings of a kind tell whether its targets have heartbeats, before a target is opened.
func TestSettingsTellWhichTargetsHaveHeartbeats(t *testing.T) {
	t.Parallel()
	c := parseConfig(t, `targets:
  stepfunctions: {stepfunctions: {region: eu-west-1}}
  lambda: {lambda: {region: eu-west-1}}
  codepipeline: {codepipeline: {region: eu-west-1}}
  sqs: {sqs: {region: eu-west-1, queues: {hr: answers}}}
  http: {http: {secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]}}`)
	a := appOf(t, prometheus.NewRegistry(), c)
	with := []string{}
	for _, kind := range config.TargetKinds() {
		target := c.Targets[kind.Name]
		opened, err := target.Settings().Open(a.environment(c, kind.Name, target.Settings(), "targets/"+kind.Name))
		require.NoError(t, err, kind.Name)
		_, has := opened.(callback.Heartbeater)
		require.Equal(t, has, target.HasHeartbeats(), kind.Name)
		if has {
			with = append(with, kind.Name)
		}
	}
	require.Equal(t, []string{"stepfunctions", "lambda"}, with)
}
