package identity

import (
	"fmt"
	"slices"
)

// placeholders are the texts that languages write for a value that is not there: JavaScript, JSON, Python, and numbers
// that are none. A sender that puts a missing value into a text sends one of them for every order.
var placeholders = []string{"undefined", "null", "None", "NaN", "[object Object]", "<nil>", "%!s(<nil>)"}

// CheckPlaceholder returns an error if a text stands for a value that its sender does not have. As an ID, such a text
// would be the same for all messages of that sender.
func CheckPlaceholder(text string) error {
	if !slices.Contains(placeholders, text) {
		return nil
	}
	return fmt.Errorf("is %q, which programs write for a missing value", text)
}
