package handlers

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What is forgotten is not known, and what is known never becomes earlier.
func TestTakenHeartbeatsAreBounded(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	var h takenHeartbeats
	h.add("first", began.Add(time.Second))
	h.add("first", began)
	require.Equal(t, began.Add(time.Second), h.latest("first"))
	for i := range 3 * maxTakenHeartbeats {
		h.add(strconv.Itoa(i), began)
	}
	require.LessOrEqual(t, len(h.current)+len(h.last), 2*maxTakenHeartbeats)
	require.Zero(t, h.latest("first"))
	require.Equal(t, began, h.latest(strconv.Itoa(3*maxTakenHeartbeats-1)))
	require.Equal(t, began, h.latest(strconv.Itoa(2*maxTakenHeartbeats-1)), "the generation before")
}
