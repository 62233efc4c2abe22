package docs

import (
	"os"
	"slices"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/webhook/preset"
)

// TestKindsHaveExamples checks that the page of each family has an example of every kind. Other tests load the
// examples.
func TestKindsHaveExamples(t *testing.T) {
	t.Parallel()
	for page, c := range map[string]struct {
		part  string
		kinds []config.Choice
	}{
		"../../docs/channels.md": {"channels", new(config.Channel).Choices()},
		"../../docs/targets.md":  {"targets", new(config.Target).Choices()},
		"../../docs/webhooks.md": {"webhooks", senders()},
	} {
		shown := kindsInExamples(t, page, c.part)
		for _, kind := range c.kinds {
			require.Contains(t, shown, kind.Name, "%s has no example of this kind", page)
		}
	}
}

// senders returns the schemes of senders that are known.
func senders() []config.Choice {
	return slices.DeleteFunc(new(config.Scheme).Choices(), func(c config.Choice) bool {
		_, isSender := c.Settings.(preset.Sender)
		return !isSender
	})
}

// kindsInExamples returns the kinds that the examples of a page use in a part of the configuration.
func kindsInExamples(t *testing.T, page, part string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	kinds := map[string]bool{}
	for _, example := range yamlBlock.FindAllStringSubmatch(string(text), -1) {
		var file map[string]map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(example[1]), &file), example[1])
		for _, named := range file[part] {
			settings, ok := named.(map[string]any)
			require.True(t, ok, example[1])
			for kind := range settings {
				kinds[kind] = true
			}
		}
	}
	return kinds
}
