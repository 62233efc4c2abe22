package console

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The person that somebody named is shown beside whoever acted, and never in their place.
func TestActorName(t *testing.T) {
	t.Parallel()
	require.Equal(t, "ann", actorName("ann", "", ""))
	require.Equal(t, "ann", actorName("ann", "api:portal", ""))
	require.Equal(t, "olga on behalf of boss", actorName("olga", "operator:olga", "boss"))
	require.Equal(t, "api:shop (a system), naming boss", actorName("source:api:shop", "api:shop", "boss"))
}
