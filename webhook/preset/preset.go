// Package preset has the settings of well-known senders. Each sender has a file of its own: what it signs and where, by
// the documentation of its vendor, and how its decisions are read. The signatures themselves are checked by package
// webhook.
package preset

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/webhook"
)

// Sender is implemented by the settings of senders whose decisions are read without configuration.
type Sender interface {
	webhook.Settings
	// Reading returns how the decisions of the sender are read.
	Reading() Reading
}

// Reading is how the decisions of a sender are read, as far as the configuration does not tell it. Its expressions are
// CEL, as in the configuration.
type Reading struct {
	// Event is true for the events of the sender. Other bodies are written by users of the sender, by other senders that
	// sign alike, or by somebody who tries the webhook out.
	Event string
	// Filter is true for events that are decisions.
	Filter string
	// Fields are the expressions by the name of the field. The first that finds a value counts.
	Fields map[string][]string
}

// Expressions returns the filter and the fields for all bodies. Bodies that are no events are read by the given fields.
func (r Reading) Expressions(others map[string][]string) (filter string, fields map[string][]string) {
	fields = map[string][]string{}
	for name, places := range r.Fields {
		for _, place := range places {
			fields[name] = append(fields[name], `(`+r.Event+`) ? (`+place+`) : ""`)
		}
	}
	for name, places := range others {
		for _, place := range places {
			if slices.Contains([]string{"by", "comment", "choice", "values"}, name) { // events have other data there
				place = `(` + r.Event + `) ? "" : (` + place + `)`
			}
			fields[name] = append(fields[name], place)
		}
	}
	return `!(` + r.Event + `) || (` + r.Filter + `)`, fields
}

// hmacScheme returns the scheme of a signature, with the defaults of the scheme hmac in the fields that are empty.
func hmacScheme(s webhook.HMACSettings) (webhook.Scheme, error) {
	s.SetDefaults(setup.Common{})
	return s.Scheme()
}

// tokenScheme returns the scheme of a token in a header. Without the name of a header, it is Authorization. There the word
// Bearer may stand before the token: some users write it into the settings of the sender, and some do not.
func tokenScheme(header string, tokens []secret.Text) (webhook.Scheme, error) {
	isAuthorization := header == "" || strings.EqualFold(header, "Authorization")
	if !isAuthorization {
		token := webhook.TokenSettings{Header: header, Tokens: tokens}
		return token.Scheme()
	}
	bearer := webhook.BearerSettings{Tokens: tokens}
	scheme, err := bearer.Scheme()
	if err != nil {
		return webhook.Scheme{}, err
	}
	token := webhook.TokenSettings{Header: "Authorization", Tokens: tokens}
	plain, err := token.Scheme()
	scheme.Verifier = either{scheme.Verifier, plain.Verifier}
	return scheme, err
}

// either accepts a request that one of two verifiers accepts.
type either [2]webhook.Verifier

// Verify implements webhook.Verifier. Its refusal is about the credential that the request has.
func (v either) Verify(now time.Time, r webhook.Request) error {
	first := v[0].Verify(now, r)
	if first == nil {
		return nil
	}
	second := v[1].Verify(now, r)
	if second == nil || progressOf(second) > progressOf(first) {
		return second
	}
	return first
}

// progressOf returns how far a verifier came before it refused a request.
func progressOf(err error) int {
	switch refusal.CodeOf(err) {
	case refusal.Missing:
		return 0
	case refusal.Malformed:
		return 1
	}
	return 2
}

// basicScheme returns the scheme of a user name and a password.
func basicScheme(username string, passwords []secret.Text) (webhook.Scheme, error) {
	basic := webhook.BasicSettings{Username: username, Passwords: passwords}
	return basic.Scheme()
}

// PasswordOrToken are the settings of senders that sign nothing: they send a user name and a password, or a header that
// the user has chosen.
type PasswordOrToken struct {
	Username  string        `yaml:"username" doc:"user name that the sender has (Basic); empty accepts any, because only the password is secret"`
	Passwords []secret.Text `yaml:"passwords" doc:"passwords, any of which is accepted"`
	Header    string        `yaml:"header" doc:"header with a token; empty is Authorization, whose value is Bearer and the token"`
	Tokens    []secret.Text `yaml:"tokens" doc:"in place of passwords: tokens, any of which is accepted"`
}

// Validate implements setup.Validator.
func (s *PasswordOrToken) Validate(c *setup.Check) {
	oneOf(c, "passwords", len(s.Passwords) > 0, "tokens", len(s.Tokens) > 0)
}

// Scheme implements webhook.Settings.
func (s *PasswordOrToken) Scheme() (webhook.Scheme, error) {
	if len(s.Tokens) > 0 {
		return tokenScheme(s.Header, s.Tokens)
	}
	return basicScheme(s.Username, s.Passwords)
}

// oneOf reports settings of which both are set, or neither.
func oneOf(c *setup.Check, first string, hasFirst bool, second string, hasSecond bool) {
	switch {
	case hasFirst && hasSecond:
		c.Fault(second, "are set, and so are %s; set one of them", first)
	case !hasFirst && !hasSecond:
		c.Fault(first, "are missing, and so are %s; set one of them", second)
	}
}

// renameField returns an error about a field of settings under the name that the field has here.
func renameField(err error, from, to string) error {
	var faults []error
	check := setup.NewCheck("", func(path string, _ setup.Severity, message string) {
		faults = append(faults, setup.NewFieldError(to+strings.TrimPrefix(path, from), "%s", message))
	})
	check.Error("", err)
	return errors.Join(faults...)
}
