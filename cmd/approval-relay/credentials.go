package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/router"
	"github.com/approval-relay/approval-relay/webhook"
)

// openKeys loads the key file, or makes it at the very first start. Where there
// is a database already, its keys are missing, not new: a new key would make
// every stored token unreadable.
func openKeys(c *Config, log *slog.Logger) (*keys.Ring, error) {
	ring, err := keys.Load(c.Keys.File)
	if !errors.Is(err, fs.ErrNotExist) {
		return ring, err
	}
	if c.Store.DynamoDB != nil { // a key for each worker would be one too many
		return nil, fmt.Errorf("the keys %s are missing: all workers on table %s have the same file, which `approval-relay keys make` makes once", c.Keys.File, c.Store.DynamoDB.Table)
	}
	if !c.Store.Memory {
		if _, err := os.Stat(c.Store.SQLite); err == nil {
			return nil, fmt.Errorf("there is a store %s, but its keys %s are missing: restore them, or move the store away", c.Store.SQLite, c.Keys.File)
		}
	}
	ring = keys.New(now())
	if err := ring.Create(c.Keys.File); err != nil {
		return nil, err
	}
	log.Warn("keys were made: keep a copy, without them stored tokens cannot be read", "file", c.Keys.File, "key_id", ring.Primary())
	return ring, nil
}

// credentials makes the checks of the operator's address. An operator may do
// what a program may.
func credentials(c *Config) (api, operator router.Check, err error) {
	var operators, programs []string
	for _, name := range sorted(c.Operator.Tokens) {
		operators = append(operators, c.Operator.Tokens[name].Reveal())
	}
	if len(operators) == 0 {
		token, err := operatorToken(c.Operator.TokenFile)
		if err != nil {
			return nil, nil, err
		}
		operators = append(operators, token)
	}
	for _, name := range sorted(c.Operator.APITokens) {
		programs = append(programs, c.Operator.APITokens[name].Reveal())
	}
	mayOperate, err := webhook.NewBearer(operators...)
	if err != nil {
		return nil, nil, fmt.Errorf("operator.tokens: %w", err)
	}
	mayAsk, err := webhook.NewBearer(append(programs, operators...)...)
	if err != nil {
		return nil, nil, fmt.Errorf("operator.api_tokens: %w", err)
	}
	return check(mayAsk), check(mayOperate), nil
}

// operatorToken reads the token in the file, or makes one there.
func operatorToken(path string) (string, error) {
	b, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err == nil {
		return strings.TrimSpace(string(b)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read operator.token_file: %w", err)
	}
	token := rand.Text()
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("make operator.token_file: %w", err)
	}
	return token, nil
}
