package signin_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/signin"
	"github.com/approval-relay/approval-relay/signin/signintest"
)

// FuzzClaims holds that whatever a provider signs, an identity is a visible name of bounded length, and an address is
// one that the provider has verified.
func FuzzClaims(f *testing.F) {
	for _, sample := range signintest.Samples() {
		seed, err := json.Marshal(sample.Claims)
		if err != nil {
			f.Fatal(err)
		}
		f.Add("email", string(seed))
		f.Add("attributes.staff", string(seed))
	}
	f.Add("sub", `{"sub": 1e400}`)
	f.Add("a.b", `{"a": {"b": null}, "a.b": "x"}`)
	f.Fuzz(func(t *testing.T, claim, payload string) {
		h, err := signin.New(signin.Config{Settings: signin.Settings{
			Issuer:       "https://id.example",
			ClientID:     "x",
			ClientSecret: secret.New("x"),
			Claim:        claim,
		}})
		if err != nil {
			t.Fatal(err)
		}
		id, ok, err := h.ApproverID(payload)
		switch {
		case !ok:
		case err != nil:
			if id != "" || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q, and the reason %q", id, err)
			}
		case id == "" || len(id) > 256 || strings.TrimSpace(id) != id ||
			strings.ContainsFunc(id, func(r rune) bool { return !unicode.IsPrint(r) }):
			t.Errorf("%q", id)
		case h.Settings.Claim == "email" && !strings.ContainsAny(strings.ToLower(payload), `1\`) &&
			!strings.Contains(strings.ToLower(payload), "true"):
			t.Errorf("%q was never verified: %s", id, payload)
		}
	})
}
