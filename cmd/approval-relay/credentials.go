package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/webhook"
)

// openKeys loads the key file, or makes it at the very first start. Where there
// is a database already, its keys are missing, not new: a new key would make
// every stored token unreadable.
func openKeys(c *Config, log *slog.Logger) (*keys.Ring, error) {
	ring, err := keys.LoadFile(c.Keys.File)
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
	ring = keys.NewRing(now())
	if err := ring.Create(c.Keys.File); err != nil {
		return nil, err
	}
	log.Warn("keys were made: keep a copy, without them stored tokens cannot be read", "file", c.Keys.File, "key_id", ring.PrimaryID())
	return ring, nil
}

// credentials makes the checks of the operator's address. An operator may do
// what a program may.
func credentials(c *Config) (program, operator api.Check, err error) {
	people, err := operators(c)
	if err != nil {
		return nil, nil, err
	}
	var tokens, programs []string
	for _, name := range sorted(people) {
		tokens = append(tokens, people[name].Reveal())
	}
	for _, name := range sorted(c.Operator.APITokens) {
		programs = append(programs, c.Operator.APITokens[name].Reveal())
	}
	mayOperate, err := webhook.NewBearer(tokens...)
	if err != nil {
		return nil, nil, fmt.Errorf("operator.tokens: %w", err)
	}
	mayAsk, err := webhook.NewBearer(append(programs, tokens...)...)
	if err != nil {
		return nil, nil, fmt.Errorf("operator.api_tokens: %w", err)
	}
	return check(mayAsk), check(mayOperate), nil
}

// operatorToken reads the token in the file, or makes one there. As with keys,
// the file must not be readable by others than its owner and its group.
func operatorToken(path string) (string, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeToken(path)
	}
	if err == nil && info.Mode().Perm()&0o007 != 0 {
		return "", fmt.Errorf("read operator.token_file: %s can be read by everybody (mode %04o): chmod 600 it", path, info.Mode().Perm())
	}
	b, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return "", fmt.Errorf("read operator.token_file: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// makeToken writes a new token to a file that is not there, nor a link to another.
func makeToken(path string) (string, error) {
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
