package main

import (
	"bytes"
	"cmp"
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
	URL       string `name:"url" env:"APPROVAL_RELAY_URL" placeholder:"URL" group:"The worker" help:"The worker's operator address; without a context, http://127.0.0.1:9090."`
	Token     string `env:"APPROVAL_RELAY_TOKEN" placeholder:"TOKEN" group:"The worker" help:"Bearer token of an operator; better in the environment than on the command line."`
	TokenFile string `env:"APPROVAL_RELAY_TOKEN_FILE" placeholder:"FILE" group:"The worker" help:"Path of a file with the token, for calls without --token; without a context, approval-relay.token."`
	Context   string `env:"APPROVAL_RELAY_CONTEXT" placeholder:"NAME" group:"The worker" help:"Context of the client configuration: the worker to call, and the credential for it."`

	contextsFlags
	outputFlags
	tlsFlags

	world       *world
	contextName string // of the context that is used; empty if there is none
}

// The connection of a command that names none.
const (
	defaultURL       = "http://127.0.0.1:9090"
	defaultTokenFile = "approval-relay.token"
)

// AfterApply checks the flags, before Run.
func (c *client) AfterApply(w *world) error {
	c.world = w
	if c.Context != "" && c.isNamed() {
		return errors.New("a context excludes --url, --token and --token-file, and their variables " +
			"APPROVAL_RELAY_URL, APPROVAL_RELAY_TOKEN and APPROVAL_RELAY_TOKEN_FILE: unset those, or leave the context out")
	}
	return c.outputFlags.AfterApply()
}

// isNamed reports whether flags or variables name the connection or a part of it.
func (c *client) isNamed() bool { return c.URL != "" || c.Token != "" || c.TokenFile != "" }

// connect completes the connection. Flags and variables take precedence over the current context. A context that is named
// together with another connection is refused, because one of the two would be overlooked.
func (c *client) connect() error {
	if c.world != nil && c.contextName == "" && !c.isNamed() {
		if err := c.applyContext(c.world); err != nil {
			return err
		}
	}
	setDefault(&c.URL, defaultURL)
	setDefault(&c.TokenFile, defaultTokenFile)
	return nil
}

// applyContext takes the connection of the context that is named, or is the current one.
func (c *client) applyContext(w *world) error {
	config, path, err := readClientConfig(w, c.ClientConfig)
	if err != nil {
		return err
	}
	name := cmp.Or(c.Context, config.Context)
	if name == "" {
		return nil
	}
	found, err := config.find(name, path)
	if err != nil {
		return err
	}
	c.contextName = name
	c.URL, c.TokenFile = found.URL, found.TokenFile
	setDefault(&c.CAFile, found.CAFile)
	setDefault(&c.CertFile, found.CertFile)
	setDefault(&c.KeyFile, found.KeyFile)
	setDefault(&c.ServerName, found.ServerName)
	return nil
}

func setDefault(value *string, other string) {
	if *value == "" {
		*value = other
	}
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
	if err := c.connect(); err != nil {
		return err
	}
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
		return &statusError{fmt.Errorf("call the worker: %w", err), statusUnavailable}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return fmt.Errorf("read the worker's answer: %w", err)
	}
	if err := c.answerError(resp, text); err != nil {
		return &statusError{err, statusOfAnswer(resp.StatusCode)}
	}
	return json.Unmarshal(text, out)
}

// answerError returns the error of an answer that is no success: the worker's description of the problem.
func (c *client) answerError(resp *http.Response, text []byte) error {
	var p api.Problem
	switch err := json.Unmarshal(text, &p); {
	case resp.StatusCode < http.StatusMultipleChoices:
		return nil
	case resp.StatusCode == http.StatusUnauthorized:
		return c.refusedTokenError(resp.Status, text)
	case err == nil && len(p.Candidates) > 0:
		return errors.New(strings.Join(append([]string{untrusted.TerminalLine(p.Detail)}, candidateLines(p.Candidates)...), "\n  "))
	case err == nil && p.ApprovalStatus != "":
		return fmt.Errorf("%s; the approval is %s", untrusted.TerminalLine(p.Detail), p.ApprovalStatus)
	case err == nil && p.Detail != "":
		return errors.New(strings.Join(append([]string{untrusted.TerminalLine(p.Detail)}, terminalLines(p.Faults)...), "\n  "))
	}
	return fmt.Errorf("the worker answered %s", resp.Status)
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
	case c.contextName != "":
		return fmt.Sprintf("the file %s, which the context %s names", c.TokenFile, c.contextName)
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
