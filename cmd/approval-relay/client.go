package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/untrusted"
)

// client calls the operator API of a worker. The worker has the store to itself, so all commands use its API.
type client struct {
	URL       string `name:"url" env:"APPROVAL_RELAY_URL" default:"http://127.0.0.1:9090" help:"The worker's operator address."`
	Token     string `env:"APPROVAL_RELAY_TOKEN" help:"Bearer token of an operator; better in the environment than on the command line."`
	TokenFile string `env:"APPROVAL_RELAY_TOKEN_FILE" default:"approval-relay.token" help:"Path of a file with the token, for calls without --token."`
	JSON      bool   `name:"json" help:"Print JSON."`

	tlsFlags
}

// readToken returns the operator's token: --token, or the content of the token file.
func (c *client) readToken() (string, error) {
	if c.Token != "" {
		return c.Token, nil
	}
	content, err := os.ReadFile(c.TokenFile)
	if err != nil {
		return "", fmt.Errorf("there is no --token, and the token file cannot be read: %w", err)
	}
	return strings.TrimSpace(string(content)), nil
}

// call makes a request and reads the answer into out. The worker's description of a problem becomes the error.
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	token, err := c.readToken()
	if err != nil {
		return err
	}
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second) // a worker that hangs
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.URL, "/")+path, &body)
	if err != nil {
		return fmt.Errorf("call %s: %w", c.URL, err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	httpClient, err := c.client()
	if err != nil {
		return err
	}
	resp, err := httpClient.Do(req)
	if err != nil {
		return fmt.Errorf("call the worker: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return fmt.Errorf("read the worker's answer: %w", err)
	}
	if resp.StatusCode == http.StatusUnauthorized {
		return c.refusedTokenError(resp.Status, text)
	}
	if resp.StatusCode >= 300 {
		var p api.Problem
		switch err := json.Unmarshal(text, &p); {
		case err == nil && len(p.Candidates) > 0:
			return errors.New(strings.Join(append([]string{untrusted.TerminalLine(p.Detail)}, candidateLines(p.Candidates)...), "\n  "))
		case err == nil && p.ApprovalStatus != "":
			return fmt.Errorf("%s; the approval is %s", untrusted.TerminalLine(p.Detail), p.ApprovalStatus)
		case err == nil && p.Detail != "":
			return errors.New(strings.Join(append([]string{untrusted.TerminalLine(p.Detail)}, terminalLines(p.Faults)...), "\n  "))
		}
		return fmt.Errorf("the worker answered %s", resp.Status)
	}
	return json.Unmarshal(text, out)
}

// refusedTokenError returns the error of a call whose token the worker refused. It names the origin of the token, because
// an old variable or a file of another worker is easily overlooked.
func (c *client) refusedTokenError(status string, answer []byte) error {
	detail := "the worker answered " + status
	var p api.Problem
	if json.Unmarshal(answer, &p) == nil && p.Detail != "" {
		detail = untrusted.TerminalLine(p.Detail)
	}
	return fmt.Errorf("%s\n  the token that was sent is from %s", detail, c.tokenOrigin())
}

// tokenOrigin names the place from which the token is. A flag comes before a variable, and both before the file.
func (c *client) tokenOrigin() string {
	switch {
	case c.Token != "" && c.Token == os.Getenv(tokenVariable):
		return "the variable " + tokenVariable
	case c.Token != "":
		return "the flag --token"
	case os.Getenv(tokenFileVariable) != "" && c.TokenFile == os.Getenv(tokenFileVariable):
		return fmt.Sprintf("the file %s, which the variable %s names", c.TokenFile, tokenFileVariable)
	case c.TokenFile == defaultTokenFile:
		return fmt.Sprintf("the file %s, the default of --token-file", c.TokenFile)
	}
	return fmt.Sprintf("the file %s, which --token-file names", c.TokenFile)
}

// The places of the token, as the tags of client have them.
const (
	tokenVariable     = "APPROVAL_RELAY_TOKEN"
	tokenFileVariable = "APPROVAL_RELAY_TOKEN_FILE"
	defaultTokenFile  = "approval-relay.token"
)

// candidateLines describes the approvals of which a decision or cancellation has to name one.
func candidateLines(candidates []api.Candidate) []string {
	lines := make([]string, len(candidates))
	for i, c := range candidates {
		parts := []string{c.ApprovalID + ": workflow " + c.Workflow}
		for _, part := range [][2]string{{"step", c.Step}, {"state", c.StateName}, {"execution", c.Execution}} {
			if part[1] != "" {
				parts = append(parts, part[0]+" "+part[1])
			}
		}
		lines[i] = untrusted.TerminalLine(strings.Join(parts, ", "))
	}
	return lines
}

// terminalLines makes texts fit for a terminal.
func terminalLines(texts []string) []string {
	lines := make([]string, len(texts))
	for i, text := range texts {
		lines[i] = untrusted.TerminalLine(text)
	}
	return lines
}

// printJSON writes v as indented JSON. Characters that a terminal would obey are written as escapes.
func printJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(untrusted.JSON(b.Bytes()))
	return err
}

// onBehalfOf returns the person on whose behalf the operator acts: the person that the command names or, if all users
// of this machine share the token in the token file, the user who runs the command.
func (c *client) onBehalfOf(w *world, named string) string {
	if named != "" || c.Token != "" {
		return named
	}
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return w.getenv("USER")
}

func orderPath(orderID, rest string) string { return "/v1/orders/" + url.PathEscape(orderID) + rest }
