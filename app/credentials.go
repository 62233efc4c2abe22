package app

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/role"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/web/console"
	"github.com/approval-relay/approval-relay/webhook"
)

// tokens are the credentials of the operator's address.
type tokens struct {
	verifier   *webhook.Bearer
	principals []handlers.Principal // by the index of their token
	operators  map[string]console.Operator
}

// readTokens returns the tokens of the configuration. The token in the token file belongs to "operator", a name for
// all users who can read the file.
func readTokens(c *config.Config) (tokens, error) {
	t := tokens{operators: map[string]console.Operator{}}
	for name, token := range c.Operator.Tokens {
		t.operators[name] = console.Operator{Token: token.Token, Grants: role.Grants{token.Grant()}}
	}
	if len(t.operators) == 0 {
		token, err := operatorToken(c.Operator.TokenFile)
		if err != nil {
			return tokens{}, err
		}
		t.operators["operator"] = console.Operator{Token: secret.New(token), Grants: role.Grants{{Role: role.Admin}}}
	}
	var texts []string
	for _, name := range sortedNames(t.operators) {
		o := t.operators[name]
		texts = append(texts, o.Token.Reveal())
		t.principals = append(t.principals, handlers.Principal{Name: name, IsOperator: true, Grants: o.Grants})
	}
	for _, name := range sortedNames(c.Operator.APITokens) {
		token := c.Operator.APITokens[name]
		if slices.Contains(texts, strings.TrimSpace(token.Token.Reveal())) { // of the token file: the configuration has no such tokens
			return tokens{}, fmt.Errorf("operator.api_tokens.%s has the same text as the token of an operator", name)
		}
		texts = append(texts, token.Token.Reveal())
		t.principals = append(t.principals, newProgram(name, token))
	}
	var err error
	if t.verifier, err = webhook.NewBearer(texts...); err != nil {
		return tokens{}, fmt.Errorf("operator: %w", err)
	}
	return t, nil
}

// newProgram returns the principal of an API token.
func newProgram(name string, t config.APIToken) handlers.Principal {
	p := handlers.Principal{
		Name:         name,
		Workflows:    t.Workflows,
		DecidesOwn:   t.DecidesOwn,
		NamesPersons: t.DecidedBy == "trusted",
	}
	for _, verb := range t.Verbs {
		p.Verbs = append(p.Verbs, handlers.Verb(verb))
	}
	return p
}

// find returns the principal of a request.
func (t tokens) find(r *http.Request) (handlers.Principal, error) {
	i, err := t.verifier.Find(r.Header)
	if err != nil {
		return handlers.Principal{}, err
	}
	return t.principals[i], nil
}

// operatorToken reads the token in the file, or makes a token there. As with keys, only the owner and the group of the file
// may read it.
func operatorToken(path string) (string, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return createTokenFile(path)
	}
	if err == nil && info.Mode().Perm()&0o007 != 0 {
		return "", fmt.Errorf("read operator.token_file: %s is readable by all users (mode %04o): change its mode to 600",
			path, info.Mode().Perm())
	}
	b, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return "", fmt.Errorf("read operator.token_file: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// createTokenFile writes a new token to a file that must not exist, not even as a link.
func createTokenFile(path string) (string, error) {
	token := rand.Text()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator names the file
	if err == nil {
		_, err = f.WriteString(token + "\n")
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return "", fmt.Errorf("make operator.token_file: %w", err)
	}
	return token, nil
}
