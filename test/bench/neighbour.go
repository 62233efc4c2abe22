package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// neighbourCommand is the argument that makes this program serve as the neighbour.
const neighbourCommand = "neighbour"

// startNeighbour starts this program once more, as an endpoint in a process of its own. So a call to it goes from
// process to process, like a call to or from the worker.
func (b *bench) startNeighbour(ctx context.Context) (url string, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, self, neighbourCommand)
	stdin, err := cmd.StdinPipe() // the neighbour ends with this process
	if err != nil {
		return "", err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	b.cleanups = append(b.cleanups, func() { _ = stdin.Close(); _ = cmd.Wait() })
	url, err = bufio.NewReader(stdout).ReadString('\n')
	return strings.TrimSpace(url), err
}

// serveAsNeighbour prints its URL and serves until the standard input ends.
func serveAsNeighbour(stdin io.Reader, stdout io.Writer) error {
	e, err := startEndpoint(0)
	if err != nil {
		return err
	}
	defer e.stop()
	fmt.Fprintln(stdout, e.url)
	_, err = io.Copy(io.Discard, stdin)
	return err
}
