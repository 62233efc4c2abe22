package docs

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
)

var (
	yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	fileBlock = regexp.MustCompile("(?s)`(mail/[a-z]+\\.tmpl)`:\n\n```\n(.*?)```")
)

// TestChannelsPage loads every example of docs/channels.md, with the templates that the page shows.
func TestChannelsPage(t *testing.T) {
	b, err := os.ReadFile("../../docs/channels.md")
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	require.NoError(t, os.Mkdir("mail", 0o700))
	files := fileBlock.FindAllStringSubmatch(string(b), -1)
	require.Len(t, files, 3)
	for _, f := range files {
		require.NoError(t, os.WriteFile(f[1], []byte(f[2]), 0o600))
	}
	environment := map[string]string{
		"SMTP_PASSWORD":        "password",
		"SLACK_TOKEN":          "xoxb-1",
		"SLACK_SIGNING_SECRET": "0123456789abcdef0123",
		"SLACK_WEBHOOK_URL":    "https://hooks.slack.com/services/x",
		"TEAMS_URL":            "https://example.com/workflows/1?sig=1",
		"WEBHOOK_SECRET":       "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz",
	}
	examples := yamlBlock.FindAllStringSubmatch(string(b), -1)
	var has []string
	for _, example := range examples {
		c, _, err := config.Parse("docs/channels.md", []byte(example[1]), func(name string) string { return environment[name] })
		require.NoError(t, err, example[1])
		for _, ch := range c.Channels {
			has = append(has, ch.Kind())
		}
	}
	for _, kind := range config.ChannelKinds() {
		require.Contains(t, has, kind.Name, "an example")
	}
}
