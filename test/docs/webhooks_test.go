package docs

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/webhook"
)

// The settings of each sender in the table of signatures are valid as they are written.
func TestSendersOfHMAC(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/webhooks.md")
	require.NoError(t, err)
	rows := regexp.MustCompile("(?m)^\\| ([A-Za-z0-9 ]+) \\| `\\{((?:signature_)?header.*)\\}`(?:, and `(handshake: [a-z]+)`)? \\|$").FindAllStringSubmatch(string(text), -1)
	require.Len(t, rows, strings.Count(string(text), "| `{header")+strings.Count(string(text), "| `{signature_header"))
	require.GreaterOrEqual(t, len(rows), 10)
	for _, row := range rows {
		file := fmt.Sprintf("webhooks:\n  sender:\n    hmac: {%s, secrets: [k7Qw2ZxB9mTf4RpLs8VnYc]}\n    %s\nworkflows: {orders: {sources: [sender]}}\n",
			row[2], row[3])
		c, warnings, err := config.Parse("docs/webhooks.md", []byte(file), exampleEnvironment)
		require.NoError(t, err, file)
		require.Empty(t, warnings, file)
		require.NotNil(t, c.Compiled.Schemes["sender"].Verifier, file)
	}
}

// Every handshake is in the table of the guide and in the list of the setting.
func TestHandshakesAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/webhooks.md")
	require.NoError(t, err)
	field, ok := reflect.TypeFor[config.Webhook]().FieldByName("Handshake")
	require.True(t, ok)
	var kinds []string
	for kind := range webhook.HandshakeKinds() {
		require.Contains(t, string(text), "\n| `"+kind+"` | ", "docs/webhooks.md")
		kinds = append(kinds, kind)
	}
	listed := strings.Split(field.Tag.Get("enum"), ",")
	slices.Sort(listed)
	slices.Sort(kinds)
	require.Equal(t, kinds, listed)
}
