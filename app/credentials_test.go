package app

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/handlers"
	"github.com/approval-relay/approval-relay/secret"
)

func TestOperatorToken(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "token")
	made, err := operatorToken(path)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(made), 26, "128 bits in base32")
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	again, err := operatorToken(path)
	require.NoError(t, err)
	require.Equal(t, made, again)

	require.NoError(t, os.Chmod(path, 0o644)) // that is what is tested
	_, err = operatorToken(path)
	require.ErrorContains(t, err, "is readable by all users (mode 0644): change its mode to 600")
	require.NotContains(t, err.Error(), made)
	require.NoError(t, os.Chmod(path, 0o640)) // Kubernetes mounts secrets so
	_, err = operatorToken(path)
	require.NoError(t, err)

	link := filepath.Join(t.TempDir(), "token")
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	require.NoError(t, os.Symlink(elsewhere, link))
	_, err = operatorToken(link)
	require.ErrorContains(t, err, "make operator.token_file")
	require.NoFileExists(t, elsewhere, "somebody else's link says where")
}

// A token is the principal whose name it has, with the rights of the configuration. The token in the token file is no
// program's.
func TestTokensAreTheirPrincipals(t *testing.T) {
	t.Parallel()
	const text = "0e4f9b8a7c6d5e3f2a1b0c9d8e7f6a5b"
	path := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(path, []byte(text+"\n"), 0o600))
	c := &config.Config{Operator: config.Operator{TokenFile: path, APITokens: map[string]config.APIToken{
		"shop": {Token: secret.New("shop-" + text), Verbs: []string{"ask"}, Workflows: []string{"orders"}, DecidedBy: "ignored"},
		"all":  {Token: secret.New("all-" + text), Verbs: handlers.Verbs(), DecidedBy: "trusted", DecidesOwn: true},
	}}}
	tokens, err := readTokens(c)
	require.NoError(t, err)
	find := func(token string) handlers.Principal {
		p, err := tokens.find(requestWith("Bearer " + token))
		require.NoError(t, err)
		return p
	}
	require.Equal(t, "operator:operator", find(text).ID())
	shop, all := find("shop-"+text), find("all-"+text)
	require.Equal(t, "api:shop", shop.ID())
	require.True(t, shop.May(handlers.VerbAsk) && !shop.May(handlers.VerbDecide) && !shop.NamesPersons && !shop.DecidesOwn)
	require.True(t, shop.MayUse("orders") && !shop.MayUse("refunds"))
	require.True(t, all.May(handlers.VerbCancel) && all.MayUse("refunds") && all.NamesPersons && all.DecidesOwn)
	_, err = tokens.find(requestWith("Bearer other"))
	require.Error(t, err)

	c.Operator.APITokens["shop"] = config.APIToken{Token: secret.New(text)}
	_, err = readTokens(c)
	require.EqualError(t, err, "operator.api_tokens.shop has the same text as the token of an operator")
}
