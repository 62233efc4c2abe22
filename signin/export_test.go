package signin

import (
	"bytes"
	"encoding/json"
)

// ApproverID returns the approver's ID from the claims of a verified ID token, as JSON. It returns false if they are not
// an object.
func (h *Handler) ApproverID(payload string) (id string, ok bool, err error) {
	found := claims{}
	decoder := json.NewDecoder(bytes.NewReader([]byte(payload)))
	decoder.UseNumber()
	if decoder.Decode(&found) != nil {
		return "", false, nil
	}
	id, err = h.approverID(found)
	return id, true, err
}
