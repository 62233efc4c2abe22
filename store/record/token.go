package record

import "github.com/approval-relay/approval-relay/approval"

// token is the field with the sealed form of a task token: of its text, or of the bytes that the text is in base64. An
// approval has at most one of the two fields.
func token(number uint64, name string) field[approval.Approval] {
	isPacked := name == packedToken
	return field[approval.Approval]{
		number: number,
		name:   name,
		kind:   "sealed",
		encode: func(e *encoder, number uint64, from *approval.Approval) {
			// The tokens have the order of the approvals.
			if len(e.tokens) > 0 && e.tokens[0].IsPacked == isPacked && e.approvals[e.tokens[0].Index] == from {
				e.bytesField(number, e.tokens[0].Sealed)
				e.tokens = e.tokens[1:]
			}
		},
		decode: func(d *decoder, v value, into *approval.Approval) error {
			if v.wire != wireBytes {
				return errKind()
			}
			d.owners = append(d.owners, into)
			d.tokens = append(d.tokens, SealedToken{Sealed: v.bytes, IsPacked: isPacked})
			return nil
		},
	}
}

// packedToken is the name of the field for tokens in base64.
const packedToken = "token_base64"

// SealedToken is the sealed task token of an approval.
type SealedToken struct {
	// Index is the place of the approval in the order.
	Index  int
	Sealed []byte
	// IsPacked reports whether the secret is a text in base64, which was decoded before it was sealed.
	IsPacked bool
}
