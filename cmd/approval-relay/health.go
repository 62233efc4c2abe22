package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/untrusted"
)

// checkHealthCmd is the health check for container engines: the image has neither a shell nor another HTTP client.
type checkHealthCmd struct {
	URL   string `name:"url" env:"APPROVAL_RELAY_URL" default:"http://127.0.0.1:9090" help:"The worker's operator address."`
	Ready bool   `help:"Check that the worker accepts work (/readyz), not only that it is alive (/healthz)."`
	// Insecure is for probes within the worker's own container. The call carries no token.
	Insecure bool `help:"Do not verify the worker's certificate: for a probe at 127.0.0.1."`

	tlsFlags
}

// Run calls the health endpoint of the worker.
func (c *checkHealthCmd) Run(w *world) error {
	path := "/healthz"
	if c.Ready {
		path = "/readyz"
	}
	ctx, cancel := context.WithTimeout(w.ctx, 4*time.Second) // a worker that hangs; readiness gives the store 3 s
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(c.URL, "/")+path, nil)
	if err != nil {
		return fmt.Errorf("check %s: %w", c.URL, err)
	}
	config, err := c.config()
	if err != nil {
		return err
	}
	config.InsecureSkipVerify = c.Insecure
	resp, err := newHTTPClient(config).Do(req)
	if err != nil {
		return fmt.Errorf("check the worker: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err != nil {
		return fmt.Errorf("read the worker's answer: %w", err)
	}
	var lines []string // what is wrong or paused, one a line
	for line := range strings.Lines(strings.TrimSpace(string(text))) {
		lines = append(lines, untrusted.TerminalLine(strings.TrimSpace(line)))
	}
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status + ": " + strings.Join(lines, "; "))
	}
	fmt.Fprintln(w.stdout, strings.Join(lines, "\n"))
	return nil
}
