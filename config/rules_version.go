package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"reflect"

	"github.com/approval-relay/approval-relay/handlers"
)

// compileDecision returns the rules of the workflow's decisions. Receipts name the version of the workflow.
func (w Workflow) compileDecision(c compiler) handlers.DecisionRules {
	rules := w.Decision.compile(c)
	if rules.Receipt {
		rules.RulesVersion = w.version()
	}
	return rules
}

// version returns the SHA-256, in hex, of the workflow's section as `config show --json` prints it, without spaces:
// defaults are filled in, secrets are hidden, and names are in alphabetical order. The same section has the same version,
// however it is written in the file.
func (w Workflow) version() string {
	text, err := json.Marshal(withoutOrder(shownValue(reflect.ValueOf(&w).Elem())))
	if err != nil { // impossible for a section that config show prints
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
