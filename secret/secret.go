// Package secret has the one type for secrets: passwords, tokens, signing keys and URLs that grant access. A value of
// this type cannot be printed, logged or marshalled by accident. Only Reveal returns the text, so every use of a secret
// can be found by searching for that word.
package secret

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
)

// Text is a secret. In the configuration file it is a text, usually with a ${VARIABLE} in it, or {file: PATH}. The zero
// value is the empty text.
//
// The text is held behind a pointer: package fmt cannot call String on an unexported field, and then prints an address.
type Text struct {
	value *string
	file  string
}

// hidden is shown in place of every secret.
const hidden = "[secret]"

// New returns the secret with this text.
func New(text string) Text { return Text{value: &text} }

// Reveal returns the text.
func (t Text) Reveal() string {
	if t.value == nil {
		return ""
	}
	return *t.value
}

// NewAll returns the secrets with these texts, in their order.
func NewAll(texts []string) []Text {
	secrets := make([]Text, len(texts))
	for i, text := range texts {
		secrets[i] = New(text)
	}
	return secrets
}

// RevealAll returns the texts of several secrets, in their order.
func RevealAll(secrets []Text) []string {
	texts := make([]string, len(secrets))
	for i, s := range secrets {
		texts[i] = s.Reveal()
	}
	return texts
}

// IsZero reports whether the secret is empty.
func (t Text) IsZero() bool { return t.Reveal() == "" }

// Equal reports whether two secrets have the same text. It is for comparing configurations, not credentials: its
// duration depends on the texts.
func (t Text) Equal(other Text) bool { return t.Reveal() == other.Reveal() }

// File returns the path of the file that the secret was read from, or the empty text.
func (t Text) File() string { return t.file }

// String implements fmt.Stringer. It hides the text.
func (t Text) String() string { return hidden }

// GoString implements fmt.GoStringer. It hides the text.
func (t Text) GoString() string { return hidden }

// Format implements fmt.Formatter. It hides the text for every verb.
func (t Text) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// LogValue implements slog.LogValuer. It hides the text.
func (t Text) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText implements encoding.TextMarshaler. It hides the text.
func (t Text) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// MarshalYAML implements the YAML library's marshaler. It hides the text.
func (t Text) MarshalYAML() (any, error) { return hidden, nil }

// UnmarshalYAML reads a text or {file: PATH}. Line ends at its end are cut: editors, block texts and
// `kubectl create secret` leave them there. The error never quotes the value.
func (t *Text) UnmarshalYAML(unmarshal func(any) error) error {
	var text string
	if err := unmarshal(&text); err == nil {
		*t = New(strings.TrimRight(text, "\r\n"))
		return nil
	}
	var from map[string]string
	if err := unmarshal(&from); err != nil || len(from) != 1 || from["file"] == "" {
		return errors.New("is neither a text nor {file: PATH}")
	}
	content, err := readBounded(from["file"])
	if err != nil {
		return fmt.Errorf("read secret: %w", err)
	}
	if bytes.HasPrefix(content, []byte{0xff, 0xfe}) || bytes.HasPrefix(content, []byte{0xfe, 0xff}) {
		return fmt.Errorf("read secret: %s is in UTF-16; save it as UTF-8", from["file"])
	}
	content = bytes.TrimPrefix(content, []byte("\ufeff")) // some editors begin a file with a byte order mark
	*t = New(strings.TrimRight(string(content), "\r\n"))
	t.file = from["file"]
	return nil
}

// maxFile is the longest file of a secret, in bytes.
const maxFile = 64 << 10

// readBounded reads a file of at most maxFile bytes. Devices and pipes can be endless.
func readBounded(path string) ([]byte, error) {
	file, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = fmt.Errorf("%s is longer than %d bytes", path, maxFile)
	}
	return content, err
}

// WorldReadable reports whether the secret was read from a file that every user of the machine can read.
func (t Text) WorldReadable() bool {
	if t.file == "" {
		return false
	}
	info, err := os.Stat(t.file)
	return err == nil && info.Mode().Perm()&fs.FileMode(0o004) != 0
}
