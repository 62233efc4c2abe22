package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/setup"
)

// What the file leaves out depends on the rate, so that a call beyond the slots waits in order, and not for the rate limit.
func TestDefaultConcurrency(t *testing.T) {
	t.Parallel()
	c, _, err := parse(`
public: {url: https://approvals.example.com}
store: {sqlite: /data/orders.db}
workflows: {orders: {approvers: [ann@example.com]}}
channels:
  mail: {smtp: {host: smtp.example.com, from: a@example.com}}
  slowly: {smtp: {host: smtp.example.com, from: a@example.com, rate: 2}}
  hook: {webhook: {url: https://hooks.example.com/a, secrets: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw]}}
targets:
  http: {http: {secrets: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw]}}
  few: {http: {secrets: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw], concurrency: 3}}
  stepfunctions: {stepfunctions: {region: eu-central-1}}
  pipeline: {codepipeline: {region: eu-central-1}}
  many: {codepipeline: {region: eu-central-1, concurrency: 40}}
`)
	require.NoError(t, err)
	for name, want := range map[string]int{"mail": 32, "slowly": 8, "hook": 512} {
		require.Equal(t, want, c.Channels[name].Settings().(setup.Concurrent).CallsAtOnce(), name)
	}
	for name, want := range map[string]int{"http": 512, "few": 3, "stepfunctions": 512, "pipeline": 20, "many": 40} {
		require.Equal(t, want, c.Targets[name].Settings().(setup.Concurrent).CallsAtOnce(), name)
	}
}
