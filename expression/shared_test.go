package expression

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Hundreds of workflows have the same fields. Each is compiled once, and fields that differ in one alternative do not
// get mixed up.
func TestEqualFieldsAreCompiledOnce(t *testing.T) {
	t.Parallel()
	c, err := NewCompiler()
	require.NoError(t, err)
	compile := func(alternatives ...string) *Field {
		f, err := c.Compile(alternatives...)
		require.NoError(t, err)
		return f
	}
	order := compile("body.order", "body.id")
	require.Same(t, order, compile("body.order", "body.id"))
	require.NotSame(t, order, compile("body.id", "body.order"))
	require.NotSame(t, order, compile("body.order"))

	_, err = c.Compile("body.order", "nothing.")
	require.Error(t, err)
	_, err = c.Compile("body.order", "nothing.")
	require.Error(t, err, "a fault stays one")
}
