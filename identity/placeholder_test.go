package identity

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A text that programs write for a missing value is nobody's name; texts that only contain it are names.
func TestPlaceholdersAreNoNames(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"undefined", " null ", "None", "NaN", "[object Object]", "<nil>", `["ann@example.com","undefined"]`} {
		_, err := ReadList(text)
		require.Error(t, err, text)
		_, err = ReadOne(text)
		require.Error(t, err, text)
	}
	for _, text := range []string{"nullmann", "none", "undefined@example.com", "Ann Undefined <ann@example.com>"} {
		people, err := ReadList(text)
		require.NoError(t, err, text)
		require.Len(t, people, 1, text)
	}
}
