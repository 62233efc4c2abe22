package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/secret"
)

const plain = "correct-horse-battery"

// holder has the secret in an exported and in an unexported field, which package fmt treats differently.
type holder struct {
	Exported secret.Text `yaml:"exported" json:"exported"`
	internal secret.Text
}

// Every way in which a value usually reaches a log or a file hides the text.
func TestNothingPrintsTheText(t *testing.T) {
	t.Parallel()
	h := holder{Exported: secret.New(plain), internal: secret.New(plain)}
	var printed bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&printed, verb+"\n", h)
		fmt.Fprintf(&printed, verb+"\n", &h)
		fmt.Fprintf(&printed, verb+"\n", h.Exported)
	}
	slog.New(slog.NewJSONHandler(&printed, nil)).Info("secret", "value", h.Exported, "holder", h)
	slog.New(slog.NewTextHandler(&printed, nil)).Info("secret", "value", h.Exported, "holder", h)
	inJSON, err := json.Marshal(h)
	require.NoError(t, err)
	inYAML, err := yaml.Marshal(h)
	require.NoError(t, err)
	printed.Write(inJSON)
	printed.Write(inYAML)
	require.NotContains(t, printed.String(), plain)
	require.NotContains(t, printed.String(), fmt.Sprintf("%x", plain))
	require.Contains(t, string(inJSON), "[secret]")
	require.Equal(t, plain, h.internal.Reveal())
}

func TestReadsTextAndFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(path, []byte(plain+"\r\n\n"), 0o600))
	marked, utf16 := path+".marked", path+".utf16"
	require.NoError(t, os.WriteFile(marked, []byte("\ufeff"+plain+"\r\n"), 0o600))
	require.NoError(t, os.WriteFile(utf16, []byte("\xff\xfes\x00"), 0o600))
	for name, tc := range map[string]struct{ file, want, err string }{
		"file with a mark": {"exported: {file: " + marked + "}", plain, ""},
		"file in UTF-16":   {"exported: {file: " + utf16 + "}", "", "is in UTF-16; save it as UTF-8"},
		"text":             {"exported: " + plain, plain, ""},
		"number":           {"exported: 12345", "12345", ""},
		"file":             {"exported: {file: " + path + "}", plain, ""},
		"no end":           {"exported: {file: /dev/zero}", "", "is longer than 65536 bytes"},
		"no such file":     {"exported: {file: " + path + ".missing}", "", "read secret"},
		"list":             {"exported: [" + plain + "]", "", "is neither a text nor {file: PATH}"},
		"other field":      {"exported: {path: " + plain + "}", "", "is neither a text nor {file: PATH}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var h holder
			err := yaml.Unmarshal([]byte(tc.file), &h)
			if tc.err != "" {
				require.ErrorContains(t, err, tc.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.want, h.Exported.Reveal())
			require.False(t, h.Exported.WorldReadable())
		})
	}
}

func TestWorldReadableFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(path, []byte(plain), 0o600))
	require.NoError(t, os.Chmod(path, 0o644))
	var h holder
	require.NoError(t, yaml.Unmarshal([]byte("exported: {file: "+path+"}"), &h))
	require.True(t, h.Exported.WorldReadable())
	require.Equal(t, path, h.Exported.File())
}

func TestEmpty(t *testing.T) {
	t.Parallel()
	require.True(t, secret.Text{}.IsZero())
	require.Empty(t, secret.Text{}.Reveal())
	require.True(t, secret.New("a").Equal(secret.New("a")))
	require.False(t, secret.New("a").Equal(secret.Text{}))
	require.Equal(t, []string{"a", ""}, secret.RevealAll([]secret.Text{secret.New("a"), {}}))
}
