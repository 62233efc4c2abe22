package sandbox

import (
	"crypto/sha256"
	"encoding/base64"
	"os"
	"regexp"
	"strings"

	"github.com/approval-relay/approval-relay/notify/slack/slacktest"
	"github.com/approval-relay/approval-relay/signin/signintest"
)

// variable matches the name of an environment variable in a configuration.
var variable = regexp.MustCompile(`\$\{([A-Z_]+)\}`)

// Variables returns assignments of the environment variables that relay.yaml names, such as SMTP_PASSWORD=x, for
// a shell.
func (s *Sandbox) Variables() ([]string, error) {
	text, err := os.ReadFile(s.filePath("relay.yaml"))
	var assignments []string
	for _, m := range variable.FindAllStringSubmatch(string(text), -1) {
		assignments = append(assignments, m[1]+"="+Environment(m[1]))
	}
	return assignments, err
}

// Environment returns a value for an environment variable that a relay.yaml of an example names. Secrets differ from
// each other, and are valid for every scheme.
func Environment(name string) string {
	switch {
	case name == "SLACK_BOT_TOKEN":
		return slacktest.Token
	case name == "OIDC_CLIENT_ID":
		return signintest.ClientID
	case name == "OIDC_CLIENT_SECRET":
		return signintest.ClientSecret
	case strings.HasSuffix(name, "_URL"):
		return "https://hooks.example.com/" + strings.ToLower(name)
	}
	sum := sha256.Sum256([]byte(name))
	return "whsec_" + base64.StdEncoding.EncodeToString(sum[:])
}
