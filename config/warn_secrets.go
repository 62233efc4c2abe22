package config

import (
	"io/fs"
	"math"
	"os"
	"strings"

	"github.com/approval-relay/approval-relay/secret"
	"github.com/approval-relay/approval-relay/setup"
	"github.com/approval-relay/approval-relay/webhook"
)

// warnTokens reports tokens that can be guessed. It never quotes a token.
func (c *Config) warnTokens(check *setup.Check) {
	for _, name := range sortedNames(c.Operator.Tokens) {
		warnWeak(check, "operator.tokens."+name, strings.TrimSpace(c.Operator.Tokens[name].Token.Reveal()))
	}
	for _, name := range sortedNames(c.Operator.APITokens) {
		warnWeak(check, "operator.api_tokens."+name, strings.TrimSpace(c.Operator.APITokens[name].Token.Reveal()))
	}
	walkSecrets(c, func(path string, text secret.Text) {
		if strings.HasPrefix(path, "webhooks.") && isSentAsItIs(path) {
			warnWeak(check, path, strings.TrimSpace(text.Reveal()))
		}
	})
}

// isSentAsItIs reports whether the secret at a path of a webhook is sent itself, so that it can be guessed by trying. A
// secret that signs cannot.
func isSentAsItIs(path string) bool {
	for _, field := range []string{".tokens[", ".passwords[", ".client_certificate.secrets["} {
		if strings.Contains(path, field) {
			return true
		}
	}
	return false
}

// warnCertificates reports webhooks that believe a header about the certificate of a client, whoever sends it, and
// webhooks that wait for certificates that the public address does not ask for.
func (c *Config) warnCertificates(check *setup.Check) {
	for _, name := range sortedNames(c.Webhooks) {
		settings, ok := c.Webhooks[name].Settings().(*webhook.CertificateSettings)
		if !ok {
			continue
		}
		at := check.At("webhooks." + name + ".client_certificate")
		hasTLS := c.Public.TLS != nil && c.Public.TLS.ClientCA != ""
		switch {
		case settings.ByListener() && !hasTLS:
			at.Warn("", "needs public.tls.client_ca: without it no client shows a certificate, and every request is refused")
		case !settings.ByListener() && settings.SecretHeader == "":
			at.Warn("", "believes the header %s of everybody who reaches public.listen past the proxy; let the proxy send "+
				"a secret too (secret_header, secrets), or verify certificates here (public.tls.client_ca, names)", settings.Header)
		}
	}
}

// minEntropy is the number of random bits that a token should have.
const minEntropy = 128

func warnWeak(check *setup.Check, path, token string) {
	if bits := entropy(token); bits < minEntropy {
		check.Warn(path, "can be guessed: it has at most %d random bits, "+
			"and should have %d; openssl rand -hex 32 makes such a token", int(bits), minEntropy)
	}
}

// entropy returns the number of random bits that a token has at most: its length times the bits of a character. The
// alphabet is the smallest usual alphabet that has all the characters; if the token repeats a few characters, these are
// its alphabet.
func entropy(token string) float64 {
	distinct := map[rune]bool{}
	for _, r := range token {
		distinct[r] = true
	}
	length, alphabet := float64(len([]rune(token))), alphabetSize(token)
	expected := alphabet * (1 - math.Pow(1-1/alphabet, length)) // distinct characters of a random token
	if n := float64(len(distinct)); n < expected/2 {
		alphabet = n
	}
	return length * math.Log2(alphabet)
}

// alphabetSize returns the size of the smallest usual alphabet that has all characters of a text.
func alphabetSize(text string) float64 {
	const digits, lower, upper = "0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for _, alphabet := range []string{
		digits,
		digits + "abcdef",
		digits + "ABCDEF",
		lower,
		upper,
		"234567" + upper, // base32
		lower + digits,
		upper + digits,
		lower + upper,
		lower + upper + digits,
		lower + upper + digits + "-_=", // base64
		lower + upper + digits + "+/=",
	} {
		if strings.Trim(text, alphabet) == "" {
			return float64(len(strings.TrimSuffix(alphabet, "=")))
		}
	}
	return 94 // printable ASCII
}

// warnSecretFiles reports files with secrets that every user of the machine can read.
func (c *Config) warnSecretFiles(check *setup.Check) {
	walkSecrets(c, func(path string, text secret.Text) {
		if text.WorldReadable() {
			check.Warn(path, "is in a file that every user of this machine can read: %s; chmod 600 it", text.File())
		}
	})
	files := map[string]string{}
	if c.Keys.IsFile() {
		files["keys.file"] = c.Keys.File
	}
	if len(c.Operator.Tokens) == 0 {
		files["operator.token_file"] = c.Operator.TokenFile
	}
	for _, field := range sortedNames(files) {
		if isWorldReadable(files[field]) {
			check.Warn(field, "can be read by every user of this machine, so run refuses it: %s; chmod 600 it", files[field])
		}
	}
}

// isWorldReadable reports whether a file exists that every user of the machine can use.
func isWorldReadable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().Perm()&fs.FileMode(0o007) != 0
}
