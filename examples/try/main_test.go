package main

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// output is the output of a command that runs.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func TestRun(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out := &output{}
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, "../deployments", out) }()
	announced := func() bool { return strings.Contains(out.String(), "slack to all: ") }
	require.Eventually(t, announced, time.Minute, 10*time.Millisecond)
	require.Contains(t, out.String(), " GITHUB_WEBHOOK_SECRET=whsec_")
	stop()
	require.NoError(t, <-ended)
	require.Error(t, run(t.Context(), "../unknown", out))
}
