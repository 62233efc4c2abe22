package approval

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"log/slog"
)

// Token is the bearer secret by which a workflow is answered: a Step Functions
// task token, or the callback URL that an HTTP workflow gave. It cannot be
// printed, logged or marshalled by accident; Reveal is the one way to its text.
type Token struct{ secret *string }

// hiddenToken is all that a Token shows of itself.
const hiddenToken = "[token]"

// NewToken wraps the text of a secret. An empty text is the zero Token.
func NewToken(text string) Token {
	if text == "" {
		return Token{}
	}
	return Token{secret: &text}
}

// Reveal returns the text, for the one who calls the workflow or seals it.
func (t Token) Reveal() string {
	if t.secret == nil {
		return ""
	}
	return *t.secret
}

// IsZero says that there is no token, or that it has been erased.
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

// ApprovalID is the identity of the approval that waits on the token: the first
// 128 bits of SHA-256 over the order, the step and the token, in hex. A
// redelivered request has the same, the retry of a state (a new token) another;
// two steps may share a callback URL. It is safe to show: tokens are long random
// strings.
func ApprovalID(orderID, step string, t Token) string {
	h := sha256.New()
	for _, part := range []string{"approval-relay/approval/1", orderID, step, t.Reveal()} {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write([]byte(part))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
