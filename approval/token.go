package approval

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"log/slog"
)

// Token is the bearer secret for answering a workflow: a Step Functions task token, the callback URL of an HTTP
// workflow, or the equivalent of another kind of target. It cannot be printed, logged or marshalled by accident.
// Reveal is the only access to its text.
type Token struct{ secret *string }

// hiddenToken is shown instead of a token.
const hiddenToken = "[token]"

// NewToken wraps the text of a secret. An empty text gives the zero Token.
func NewToken(text string) Token {
	if text == "" {
		return Token{}
	}
	return Token{secret: &text}
}

// Reveal returns the text. Only the code that seals the token or calls the workflow uses it.
func (t Token) Reveal() string {
	if t.secret == nil {
		return ""
	}
	return *t.secret
}

// IsZero reports whether there is no token, or the token has been erased.
func (t Token) IsZero() bool { return t.secret == nil }

// String hides the text.
func (t Token) String() string { return hiddenToken }

// GoString hides the text.
func (t Token) GoString() string { return hiddenToken }

// LogValue hides the text.
func (t Token) LogValue() slog.Value { return slog.StringValue(hiddenToken) }

// MarshalJSON hides the text.
func (t Token) MarshalJSON() ([]byte, error) { return []byte(`"` + hiddenToken + `"`), nil }

// MarshalText hides the text.
func (t Token) MarshalText() ([]byte, error) { return []byte(hiddenToken), nil }

// idForToken returns the ID of the approval that waits on a token: the first 128 bits of a SHA-256 over the order, the
// step and the token, in hex. A request that is delivered again has the same ID. A new attempt of the state has a new
// token and therefore a new ID. The step is included because two steps may share a callback URL. The ID is safe to
// show, because tokens are long random strings.
func idForToken(orderID, step string, t Token) string {
	h := sha256.New()
	for _, part := range []string{"approval-relay/approval/1", orderID, step, t.Reveal()} {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write([]byte(part))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
