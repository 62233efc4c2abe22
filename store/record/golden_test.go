package record

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestGolden reads a record of each form that programs have written, and compares its order with the JSON beside it. The
// latest of them is also what this program writes. With -update, a file that does not exist is written: a change of the form
// gets a file of its own.
func TestGolden(t *testing.T) {
	t.Parallel()
	const latest = "9"
	o := filled(t, 2)
	file := filepath.Join("testdata", "records", latest)
	if _, err := os.Stat(file + ".hex"); os.IsNotExist(err) && *update {
		text, err := json.MarshalIndent(o, "", "  ")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file+".json", append(text, '\n'), 0o600))
		require.NoError(t, os.WriteFile(file+".hex", []byte(hex.EncodeToString(encode(t, o, nil))+"\n"), 0o600))
	}
	files, err := filepath.Glob(filepath.Join("testdata", "records", "*.hex"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		b, err := hex.DecodeString(strings.TrimSpace(string(text)))
		require.NoError(t, err)
		want, err := os.ReadFile(strings.TrimSuffix(name, ".hex") + ".json")
		require.NoError(t, err)
		c := decode(t, b)
		got, err := json.Marshal(c.Order)
		require.NoError(t, err)
		require.JSONEq(t, string(want), string(got), name)
		require.False(t, c.HasUnknown, name)
		require.NotEmpty(t, c.Tokens, name)
		if name == file+".hex" && !t.Failed() {
			requireSameForm(t, b, c)
		}
	}
}

// requireSameForm requires that a record is written as it was. If new fields have come since, they are not in it.
func requireSameForm(t *testing.T, b []byte, c Content) {
	t.Helper()
	again, err := Encode(c, nil)
	require.NoError(t, err)
	require.Equal(t, hex.EncodeToString(b), hex.EncodeToString(again),
		"the form has changed: records that exist would be read wrongly, or not at all")
}
