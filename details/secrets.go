package details

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Secrets tells which values of the requests of a workflow look secret. The zero value has the built-in list only, and so has
// nil, which remembers no names.
type Secrets struct {
	hide   []*regexp.Regexp
	show   []*regexp.Regexp
	judged judgedNames
}

// NewSecrets returns the built-in list with more patterns of names that are secret, and of names that are not. A pattern is a
// name or a dotted path, without regard to case; * stands for any characters.
func NewSecrets(hide, show []string) (*Secrets, error) {
	s := &Secrets{}
	for _, list := range []struct {
		patterns []string
		into     *[]*regexp.Regexp
	}{{hide, &s.hide}, {show, &s.show}} {
		for _, p := range list.patterns {
			compiled, err := CompilePattern(p)
			if err != nil {
				return nil, err
			}
			*list.into = append(*list.into, compiled)
		}
	}
	return s, nil
}

// CompilePattern returns the expression of a pattern of names.
func CompilePattern(pattern string) (*regexp.Regexp, error) {
	if strings.Trim(pattern, "* ") == "" || len(pattern) > 200 {
		return nil, fmt.Errorf("%q is not a name or a pattern such as *Key", pattern)
	}
	return regexp.Compile(`(?is)^` + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, `.*`) + `$`)
}

// Names of fields that look secret. The words of the first list make a name secret as any part of it, the words of the
// second list only as a whole word: "pin" is a word of "cardPin" and of "card_pin", and not of "shipping".
var (
	secretPart = regexp.MustCompile(`(?i)token|secret|passw(?:or)?d|passphrase|passcode|credential|callback|authorization|` +
		`(?:api|private|access|account|encryption|decryption|signing|shared|ssh|master|license|storage|auth)[_.\- ]?key|` +
		`(?:session|auth|bearer)[_.\- ]?id\b|` +
		`(?:security|verification|recovery|backup|auth|access|one[_.\- ]?time)[_.\- ]?codes?$|` +
		`connection[_.\- ]?string|(?:webhook|resume)[_.\- ]?ur[il]|mnemonic|seed[_.\- ]?phrase|kubeconfig|htpasswd`)
	secretWord = regexp.MustCompile(`(?i:^|[_.\- ])(?i:` + secretWords + `)(?:$|[_.\- ]|[0-9]*$)|` +
		`(?:^|[a-z0-9])(?:` + capitalized(secretWords) + `)(?:$|[A-Z_.\- ]|[0-9]*$)|^(?:` + secretWords + `)[A-Z]`)
	// notSecret are names about a secret whose values are public: "tokenCount", "passwordPolicy".
	notSecret = regexp.MustCompile(`(?i)^secretar(?:y|ies|iat)(?:[_.\- ]?(?:name|e-?mail))?$|` +
		`(?:counts?|amounts?|limits?|polic(?:y|ies)|expiry|expires(?:[_.\- ]?(?:at|in|on))?|expiration|length|` +
		`type|required|enabled|changed|usage|used|budget|costs?|price|total)$`)
	// secretValue are values that are secret under any name: private keys, credentials of HTTP, and tokens with a known form.
	secretValue = regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----|^(?:Bearer|Basic) [A-Za-z0-9._~+/=-]{12,}$|` +
		`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.|` +
		`\b(?:gh[opsu]_|github_pat_|glpat-|xox[abeprs]-|sk_live_|rk_live_|AGE-SECRET-KEY-)[A-Za-z0-9_-]{10,}`)
	// Every secret value contains one of secretMarks. To look for them takes a small part of the time that
	// secretValue takes for a text that is not secret.
	secretMarks = []string{"-----BEGIN ", "Bearer ", "Basic ", "eyJ", "gho_", "ghp_", "ghs_", "ghu_", "github_pat_", "glpat-",
		"xox", "k_live_", "AGE-SECRET-KEY-"}
)

//nolint:gosec // words of names, no credentials
const secretWords = `pwd|pin|otp|totp|cvv|cvc|csrf|xsrf|cookie|cookies|auth|dsn|jwt`

// capitalized returns the alternatives with a capital first letter, and in capital letters.
func capitalized(words string) string {
	var all []string
	for w := range strings.SplitSeq(words, "|") {
		all = append(all, strings.ToUpper(w[:1])+w[1:], strings.ToUpper(w))
	}
	return strings.Join(all, "|")
}

// isSecretName reports whether the value of a field looks secret by the field's name or path.
func (s *Secrets) isSecretName(name, dotted string, v any) bool {
	if s != nil && (len(s.show) > 0 || len(s.hide) > 0) {
		if matchesAny(s.show, name, dotted) {
			return false
		}
		if matchesAny(s.hide, name, dotted) {
			return true
		}
	}
	if !s.looksSecret(name) {
		return false
	}
	switch v.(type) {
	case bool:
		return false
	case int64, uint64, float64, json.Number:
		if strings.HasSuffix(strings.ToLower(name), "tokens") { // the number of tokens of a language model
			return false
		}
	}
	return true
}

// looksSecret reports whether a name looks secret by the built-in list.
func (s *Secrets) looksSecret(name string) bool {
	if s == nil {
		return looksSecret(name)
	}
	return s.judged.looksSecret(name)
}

func looksSecret(name string) bool {
	return (secretPart.MatchString(name) || secretWord.MatchString(name)) && !notSecret.MatchString(name)
}

// isSecretText reports whether a text looks secret whatever its name is.
func (s *Secrets) isSecretText(name, dotted, text string) bool {
	if s != nil && matchesAny(s.show, name, dotted) {
		return false
	}
	return len(text) >= 16 && hasSecretMark(text) && secretValue.MatchString(text)
}

func hasSecretMark(text string) bool {
	return slices.ContainsFunc(secretMarks, func(mark string) bool { return strings.Contains(text, mark) })
}

func matchesAny(patterns []*regexp.Regexp, name, dotted string) bool {
	for _, p := range patterns {
		if p.MatchString(name) || p.MatchString(dotted) {
			return true
		}
	}
	return false
}
