package signin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/approval-relay/approval-relay/refusal"
)

// clockLeeway is the difference of the clocks of provider and worker that a check of times accepts.
const clockLeeway = time.Minute

// verifyToken returns the claims of an ID token. The token must be signed by the provider, and made for this client and
// for this sign-in (OpenID Connect Core 1.0, section 3.1.3.7).
func (h *Handler) verifyToken(ctx context.Context, verifiers verifiers, raw string, p pendingSignIn) (claims, error) {
	token, err := verifiers.strict.Verify(ctx, raw)
	if err != nil {
		return nil, verifiers.explain(ctx, raw, err)
	}
	var payload json.RawMessage
	if err := token.Claims(&payload); err != nil {
		return nil, badToken("claims", "the claims of the ID token cannot be read")
	}
	found := claims{}
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber()
	if err := decoder.Decode(&found); err != nil {
		return nil, badToken("claims", "the claims of the ID token are not an object of JSON")
	}
	if token.Nonce != p.Nonce {
		return nil, &refused{
			code:   refusal.Mismatch,
			field:  "nonce",
			detail: "the claim nonce is not that of this sign-in",
			reason: "signin.reason.somebody_else",
			remedy: "signin.remedy.open_again",
		}
	}
	if err := h.checkParty(found, token.Audience); err != nil {
		return nil, err
	}
	return found, h.checkAuthentication(found)
}

// checkParty checks the party for which the token was issued. A token for several clients names it, and it must be us.
func (h *Handler) checkParty(c claims, audience []string) error {
	party, stated := c.find("azp")
	if !stated && len(audience) == 1 || party == h.Settings.ClientID {
		return nil
	}
	detail := "the claim azp is not our client_id: the ID token was issued for another client"
	if !stated {
		detail = "the ID token is for several clients (aud), and does not say for which of them it was issued (azp)"
	}
	return badToken("azp", detail)
}

// checkAuthentication checks when and how the person proved their identity, as far as the settings ask for it.
func (h *Handler) checkAuthentication(c claims) error {
	if h.Settings.MaxAge > 0 {
		value, _ := c.find("auth_time")
		number, _ := value.(json.Number)
		seconds, err := number.Float64()
		if err != nil {
			return &refused{
				code:  refusal.Missing,
				field: "auth_time",
				detail: fmt.Sprintf("the ID token has no time in auth_time, which %smax_age needs; it has: %s",
					h.audience.settings, c.names()),
				reason: "signin.reason.no_time",
				remedy: "signin.remedy.tell_operators",
			}
		}
		if time.Unix(int64(seconds), 0).Add(h.Settings.MaxAge + clockLeeway).Before(h.Now()) {
			return &refused{
				code:   refusal.Stale,
				field:  "auth_time",
				detail: fmt.Sprintf("auth_time is longer ago than %smax_age allows", h.audience.settings),
				reason: "signin.reason.too_long_ago",
				remedy: "signin.remedy.sign_out_there",
			}
		}
	}
	if len(h.Settings.ACRValues) > 0 && !c.has("acr", h.Settings.ACRValues) {
		return &refused{
			code:   refusal.Forbidden,
			field:  "acr",
			detail: fmt.Sprintf("the claim acr is none of %sacr_values; the ID token has: %s", h.audience.settings, c.names()),
			reason: "signin.reason.other_way",
			remedy: "signin.remedy.open_again",
		}
	}
	return nil
}

// badToken returns the refusal of an ID token that was not made for this sign-in.
func badToken(field, detail string) error {
	return &refused{
		code:   refusal.Mismatch,
		field:  field,
		detail: detail,
		reason: "signin.reason.not_verified",
		remedy: "signin.remedy.open_again",
	}
}

// verifiers verify the ID tokens of a provider. Only a token that strict accepts is used. The other verifier checks the
// signature only, and serves to find out what is wrong with a token that strict has refused.
type verifiers struct {
	strict    *oidc.IDTokenVerifier
	signature *oidc.IDTokenVerifier
	issuer    string
	clientID  string
	settings  string // path in the configuration
}

// newVerifiers returns the verifiers of a provider.
func newVerifiers(provider *oidc.Provider, s Settings, path string, now func() time.Time) verifiers {
	return verifiers{
		strict: provider.Verifier(&oidc.Config{ClientID: s.ClientID, Now: now}),
		signature: provider.Verifier(&oidc.Config{
			SkipClientIDCheck: true,
			SkipExpiryCheck:   true,
			SkipIssuerCheck:   true,
			Now:               now,
		}),
		issuer:   s.Issuer,
		clientID: s.ClientID,
		settings: path,
	}
}

// explain returns the reason why the strict verifier refused a token.
func (v verifiers) explain(ctx context.Context, raw string, err error) error {
	if _, expired := errors.AsType[*oidc.TokenExpiredError](err); expired {
		return &refused{
			code:   refusal.Stale,
			field:  "exp",
			detail: "the ID token has expired when it arrives: compare the clock of this worker with the provider's",
			reason: "signin.reason.too_old",
			remedy: "signin.remedy.open_again",
		}
	}
	token, err := v.signature.Verify(ctx, raw)
	switch {
	case err != nil && strings.Contains(err.Error(), "fetching keys"):
		return fmt.Errorf("%w: its signing keys could not be fetched", ErrUnreachable)
	case err != nil && strings.Contains(err.Error(), "unmarshal claims"):
		return badToken("claims", "a standard claim of the ID token (iss, sub, aud, exp, iat, nbf, nonce) has a wrong type")
	case err != nil:
		return badToken("signature", "the signature of the ID token is not one of the provider's, or its algorithm (alg) is not "+
			"among the asymmetric ones in the discovery document")
	case token.Issuer != v.issuer:
		return badToken("iss", "the claim iss is not "+v.settings+"issuer")
	case !slices.Contains(token.Audience, v.clientID):
		return badToken("aud", "the claim aud does not contain our client_id")
	}
	return badToken("nbf", "the ID token is not valid yet (nbf): compare the clock of this worker with the provider's")
}
