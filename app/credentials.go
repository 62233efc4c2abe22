package app

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/keys"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/webhook"
)

// openKeys loads the key file, or makes it at the very first start. If there is a database already, its keys are missing:
// a new key would make every stored token unreadable.
func openKeys(c *config.Config, log *slog.Logger) (*keys.Ring, error) {
	ring, err := keys.LoadFile(c.Keys.File)
	if !errors.Is(err, fs.ErrNotExist) {
		return ring, err
	}
	if c.Store.DynamoDB != nil { // all workers need the same keys
		return nil, fmt.Errorf("the keys %s are missing: all workers on table %s share one file, made once by `approval-relay keys make`",
			c.Keys.File, c.Store.DynamoDB.Table)
	}
	if !c.Store.Memory {
		if _, err := os.Stat(c.Store.SQLite); err == nil {
			return nil, fmt.Errorf("there is a store %s, but its keys %s are missing: restore them, "+
				"or move the store away", c.Store.SQLite, c.Keys.File)
		}
	}
	ring = keys.NewRing(time.Now())
	if err := ring.CreateFile(c.Keys.File); err != nil {
		return nil, err
	}
	log.Warn("keys were made: keep a copy, without them stored tokens cannot be read", "file", c.Keys.File, "key_id", ring.PrimaryID())
	return ring, nil
}

// tokens are the credentials of the operator's address. An operator may do everything that a program may.
type tokens struct {
	program    api.Check
	operator   api.Check
	byOperator map[string]secret.Text
}

// readTokens returns the tokens of the configuration. The token in the token file belongs to "operator", a name for
// all users who can read the file.
func readTokens(c *config.Config) (tokens, error) {
	operators := c.Operator.Tokens
	if len(operators) == 0 {
		token, err := operatorToken(c.Operator.TokenFile)
		if err != nil {
			return tokens{}, err
		}
		operators = map[string]secret.Text{"operator": secret.New(token)}
	}
	t := tokens{byOperator: operators}
	var operatorTexts, programTexts []string
	for _, name := range sortedNames(operators) {
		operatorTexts = append(operatorTexts, operators[name].Reveal())
	}
	for _, name := range sortedNames(c.Operator.APITokens) {
		programTexts = append(programTexts, c.Operator.APITokens[name].Reveal())
	}
	operator, err := webhook.NewBearer(operatorTexts...)
	if err != nil {
		return tokens{}, fmt.Errorf("operator.tokens: %w", err)
	}
	program, err := webhook.NewBearer(append(programTexts, operatorTexts...)...)
	if err != nil {
		return tokens{}, fmt.Errorf("operator.api_tokens: %w", err)
	}
	t.operator, t.program = checkBy(operator), checkBy(program)
	return t, nil
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
