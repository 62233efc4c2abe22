package app

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/signin"
)

// signedIn is a session of one person.
type signedIn string

func (s signedIn) SignedInApprover(*http.Request) (string, bool) { return string(s), s != "" }

// TestNamedSessions holds that a signed-in person has the name by which requests call them. A sub in another letter case
// is another person.
func TestNamedSessions(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ claim, id, want string }{
		"an address":           {"email", "Ann@Example.com", "Ann@Example.com"},
		"an alias":             {"preferred_username", "ANN", "ann@example.com"},
		"a sub":                {"sub", "00uAbC", "ann@example.com"},
		"a sub in other case":  {"sub", "00uabc", "sub:00uabc"},
		"a sub of nobody":      {"sub", "00uXyZ", "00uXyZ"},
		"nobody is signed in":  {"sub", "", ""},
		"a login in any case":  {"oid", "00UABC", "ann@example.com"},
		"a sub that is a name": {"sub", "ann@example.com", "ann@example.com"},
	} {
		c := &config.Config{People: map[string]config.Person{"ann@example.com": {Aliases: []string{"ann", "00uAbC"}}}}
		c.Public.OIDC = &signin.Settings{Claim: tc.claim}
		c.Compiled.People.Aliases = map[approval.PersonID]string{
			approval.NewPersonID("ann"):    "ann@example.com",
			approval.NewPersonID("00uAbC"): "ann@example.com",
		}
		got, ok := newNamedSessions(signedIn(tc.id), c).SignedInApprover(nil)
		require.Equal(t, tc.want, got, name)
		require.Equal(t, tc.id != "", ok, name)
	}
}
