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

// neighbourCommand is the argument that makes this program a neighbour.
const neighbourCommand = "neighbour"

// neighbour is an endpoint in a process of its own, which is this program again:
// a call to it crosses from process to process, as one to or from the worker does.
func (b *bench) neighbour(ctx context.Context) (url string, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, self, neighbourCommand)
	stdin, err := cmd.StdinPipe() // it ends when this does
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
	b.ends = append(b.ends, func() { _ = stdin.Close(); _ = cmd.Wait() })
	url, err = bufio.NewReader(stdout).ReadString('\n')
	return strings.TrimSpace(url), err
}

// beNeighbour serves until the standard input ends.
func beNeighbour(stdin io.Reader, stdout io.Writer) error {
	e, err := startEndpoint(0)
	if err != nil {
		return err
	}
	defer e.stop()
	fmt.Fprintln(stdout, e.url)
	_, err = io.Copy(io.Discard, stdin)
	return err
}
