package app

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOperatorToken(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "token")
	made, err := operatorToken(path)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(made), 26, "128 bits in base32")
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	again, err := operatorToken(path)
	require.NoError(t, err)
	require.Equal(t, made, again)

	require.NoError(t, os.Chmod(path, 0o644)) // that is what is tested
	_, err = operatorToken(path)
	require.ErrorContains(t, err, "is readable by all users (mode 0644): change its mode to 600")
	require.NotContains(t, err.Error(), made)
	require.NoError(t, os.Chmod(path, 0o640)) // Kubernetes mounts secrets so
	_, err = operatorToken(path)
	require.NoError(t, err)

	link := filepath.Join(t.TempDir(), "token")
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	require.NoError(t, os.Symlink(elsewhere, link))
	_, err = operatorToken(link)
	require.ErrorContains(t, err, "make operator.token_file")
	require.NoFileExists(t, elsewhere, "somebody else's link says where")
}
