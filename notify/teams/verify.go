package teams

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/approval-relay/approval-relay/refusal"
)

// The rules for the tokens of the Bot Connector:
// https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication, "Step 4: Verify the
// JWT token".
const (
	tokenIssuer = "https://api.botframework.com" //nolint:gosec // no credential
	clockLeeway = 5 * time.Minute
	maxToken    = 8 << 10 // in bytes
	channelID   = "msteams"
)

// tokenClaims are the claims that are read.
type tokenClaims struct {
	jwt.Claims

	ServiceURL string `json:"serviceurl"`
}

// errKeys means that the keys of the Bot Connector could not be fetched: the request can be sent again.
var errKeys = errors.New("the keys of the Bot Connector could not be fetched")

// verifier verifies that a request is from the Bot Connector and for a bot.
type verifier struct {
	appID string
	keys  *keySet
	now   func() time.Time
}

func newVerifier(c BotConfig) *verifier {
	return &verifier{appID: c.AppID, keys: newKeySet(c), now: c.Now}
}

// verify returns nil if the token in a header proves that the Bot Connector sent the activity to this bot. Everything that
// needs no key is checked first, so that a token that can never be right costs no call.
func (v *verifier) verify(ctx context.Context, header http.Header, a *activity) error {
	token, claims, err := readToken(header)
	if err != nil {
		return err
	}
	if err := v.checkClaims(claims, a); err != nil {
		return err
	}
	key, err := v.keys.find(ctx, token.Headers[0].KeyID)
	if err != nil {
		return err
	}
	if key == nil {
		return badToken("kid", "the token is signed by a key that the Bot Connector does not have")
	}
	if !slices.Contains(key.endorsements, a.ChannelID) {
		return badToken("endorsements", "the key of the token is not endorsed for Teams")
	}
	var proved tokenClaims
	if token.Claims(key.public, &proved) != nil {
		return badToken("signature", "the signature of the token is not right")
	}
	return v.checkClaims(proved, a)
}

// readToken returns the token of a request and its claims, which are not proved yet.
func readToken(header http.Header) (*jwt.JSONWebToken, tokenClaims, error) {
	var claims tokenClaims
	scheme, raw, _ := strings.Cut(header.Get("Authorization"), " ")
	if len(header.Values("Authorization")) != 1 || !strings.EqualFold(scheme, "Bearer") || raw == "" {
		return nil, claims, &refusal.Error{
			Code:   refusal.Missing,
			Field:  "Authorization",
			Detail: "the request has no token of the Bot Connector",
			Public: "a bearer token in the header Authorization is needed",
		}
	}
	if len(raw) > maxToken {
		return nil, claims, badToken("token", "the token is longer than those of the Bot Connector")
	}
	token, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil || len(token.Headers) != 1 || token.UnsafeClaimsWithoutVerification(&claims) != nil {
		return nil, claims, badToken("token", "the token is no JWT with the algorithm RS256")
	}
	return token, claims, nil
}

// checkClaims checks issuer, audience, times and service URL.
func (v *verifier) checkClaims(c tokenClaims, a *activity) error {
	now := v.now()
	switch {
	case c.Issuer != tokenIssuer:
		return badToken("iss", "the token is not issued by the Bot Connector")
	case !c.Audience.Contains(v.appID):
		return badToken("aud", "the token is for another bot than app_id")
	case c.Expiry == nil:
		return badToken("exp", "the token has no end")
	case now.After(c.Expiry.Time().Add(clockLeeway)):
		return staleToken("exp", "the token has expired: compare the clock of this worker")
	case c.NotBefore != nil && now.Add(clockLeeway).Before(c.NotBefore.Time()):
		return staleToken("nbf", "the token is not valid yet: compare the clock of this worker")
	case a.ChannelID != channelID:
		return badToken("channelId", "the activity is not from Teams")
	case c.ServiceURL == "" || c.ServiceURL != a.ServiceURL:
		return badToken("serviceurl", "the token is for another service than the activity names")
	}
	return nil
}

// badToken returns the refusal of a token that does not prove its request.
func badToken(field, detail string) error { return refuseToken(refusal.Mismatch, field, detail) }

// staleToken returns the refusal of a token outside of its time.
func staleToken(field, detail string) error { return refuseToken(refusal.Stale, field, detail) }

func refuseToken(code refusal.Code, field, detail string) error {
	return &refusal.Error{
		Code:   code,
		Field:  field,
		Detail: detail,
		Public: "the bearer token is not right for this bot",
	}
}
