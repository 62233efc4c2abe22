package sqstarget_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/callback"
	"github.com/approval-relay/approval-relay/callback/sqstarget"
	"github.com/approval-relay/approval-relay/setup"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	const url = "https://sqs.eu-west-1.amazonaws.com/111122223333/"
	for _, c := range []struct {
		queues map[string]string
		def    string
		region string
		want   string
	}{
		{map[string]string{"a": "answers"}, "", "us-east-1", ""},
		{map[string]string{"a": "answers.fifo", "b": url + "x"}, "b", "eu-west-1", ""},
		{nil, "", "us-east-1", "queues: is missing"},
		{map[string]string{"a:b": "answers"}, "", "us-east-1", "queues.a:b: is not a name"},
		{map[string]string{"a": "arn:aws:sqs:eu-west-1:111122223333:a"}, "", "us-east-1", "queues.a: must be the name or"},
		{map[string]string{"a": "ftp://localhost/answers"}, "", "us-east-1", "queues.a: must be an http or https URL"},
		{map[string]string{"a": "x", "b": "y"}, "c", "us-east-1", `default: "c" is not one of a, b`},
		{map[string]string{"a": url + "x", "b": "https://sqs.eu-central-1.amazonaws.com/111122223333/y"}, "", "eu-west-1",
			"queues.b: is in the region eu-central-1, and the target calls eu-west-1"},
	} {
		s := sqstarget.Settings{Queues: c.queues, Default: c.def}
		s.SetDefaults(setup.Common{Region: "us-east-1"})
		err := setup.FaultsOf(&s)
		require.Equal(t, c.region, s.Region)
		if c.want == "" {
			require.NoError(t, err)
			continue
		}
		require.Error(t, err, c.want)
		require.True(t, strings.HasPrefix(err.Error(), c.want), err)
		field, ok := errors.AsType[*setup.FieldError](err)
		require.True(t, ok)
		require.NotEmpty(t, field.Message)
	}
	require.Equal(t, callback.TaskToken, new(sqstarget.Settings).Address())
}
