package signin

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/approval-relay/approval-relay/secret"
)

// fingerprint returns a digest of the settings that identify people and let them in. What a session says
// was proved under these settings, so the session ends when they change. The client secret proves who we are, and has no
// part in it. A claim for roles is empty for approvers.
func (s Settings) fingerprint(rolesClaim string) string {
	s.ClientSecret = secret.Text{}
	text, err := json.Marshal(struct {
		Settings   Settings
		RolesClaim string
	}{s, rolesClaim})
	if err != nil {
		panic(fmt.Sprintf("settings of a provider: %v", err)) // texts, numbers and lists, which JSON can always represent
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}
