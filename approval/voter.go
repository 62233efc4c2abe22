package approval

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
)

// AuthenticatedMaker returns the principal that made a vote: the person, if it came by link, chat or single sign-on. A
// vote that an older version recorded has no principal; its person is as a program or an operator stated.
func (v Vote) AuthenticatedMaker() string {
	switch v.Via {
	case ViaLink, ViaChat, ViaSSO:
		return v.By
	case ViaOperator:
		return cmp.Or(v.Principal, OperatorSource)
	}
	return cmp.Or(v.Principal, SourcePrincipal(v.Source))
}

// DigestOfComment returns the SHA-256, in hex, of the comment, or "" without one. It stays the same when Shed cuts the
// comment.
func (v Vote) DigestOfComment() string {
	if v.CommentDigest != "" || v.Comment == "" {
		return v.CommentDigest
	}
	sum := sha256.Sum256([]byte(v.Comment))
	return hex.EncodeToString(sum[:])
}
