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
	for _, example := range yamlBlock.FindAllStringSubmatch(string(b), -1) {
		_, warnings, err := config.Parse("docs/channels.md", []byte(example[1]), exampleEnvironment)
		require.NoError(t, err, example[1])
		require.Empty(t, warnings, example[1])
	}
}
