package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of a file. A Kubernetes ConfigMap holds 1 MiB. The YAML library takes minutes for deeply nested texts.
const (
	maxFile   = 4 << 20 // bytes
	maxTokens = 500_000
	maxDepth  = 100
)

// parseText returns the syntax tree of the file, or nil if it is empty or has a fault.
func parseText(f *findings, text []byte) ast.Node {
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // some editors begin a file with a byte order mark
	if fault := checkText(text); fault != "" {
		f.addFileFault(0, fault)
		return nil
	}
	tokens := lexer.Tokenize(string(jsonAsYAML(text)))
	if line, fault := checkTokens(tokens); fault != "" {
		f.addFileFault(line, fault)
		return nil
	}
	file, err := parser.Parse(tokens, 0)
	switch {
	case err != nil:
		f.addFileFault(syntaxFault(err))
		return nil
	case len(file.Docs) > 1:
		line := 0
		if start := file.Docs[1].Start; start != nil {
			line = start.Position.Line
		}
		f.addFileFault(line, "has more than one document")
		return nil
	case len(file.Docs) == 0 || file.Docs[0].Body == nil:
		return nil
	}
	body, err := resolveAliases(file.Docs[0].Body)
	if fault, ok := errors.AsType[*aliasError](err); ok {
		f.addFileFault(fault.line, fault.text)
		return nil
	}
	return body
}

// addFileFault adds a fault of the file as a whole. The line is 0 if it is unknown.
func (f *findings) addFileFault(line int, message string) {
	f.list = append(f.list, Finding{Line: line, Field: "(file)", Message: message})
}

// checkText returns the fault of a text that cannot be a configuration file, or the empty text.
func checkText(text []byte) string {
	switch {
	case len(text) > maxFile:
		return fmt.Sprintf("is longer than %d bytes", maxFile)
	case bytes.HasPrefix(text, []byte{0xff, 0xfe}), bytes.HasPrefix(text, []byte{0xfe, 0xff}):
		return "is UTF-16; save it as UTF-8"
	case !utf8.Valid(text):
		return "is not UTF-8"
	case bytes.IndexByte(text, 0) >= 0:
		return "has a NUL character"
	}
	return ""
}

// checkTokens returns the fault of a text that the YAML library would need too long for, or the empty text.
func checkTokens(tokens token.Tokens) (line int, fault string) {
	if len(tokens) > maxTokens {
		return 0, fmt.Sprintf("has more than %d parts", maxTokens)
	}
	brackets, entries := 0, 0
	for _, t := range tokens {
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			brackets++
		case token.MappingEndType, token.SequenceEndType:
			brackets--
		case token.SequenceEntryType, token.MappingKeyType: // "- - - a" nests too
			entries++
		default:
			entries = 0
		}
		if brackets+entries > maxDepth {
			return t.Position.Line, fmt.Sprintf("nests deeper than %d levels", maxDepth)
		}
	}
	return 0, ""
}

// syntaxFault returns the fault of a text that is not YAML. It leaves out the excerpt that the library shows, which may
// contain a secret.
func syntaxFault(err error) (line int, message string) {
	y, ok := errors.AsType[yaml.Error](err)
	if !ok {
		return 0, "is not valid YAML"
	}
	if t := y.GetToken(); t != nil && t.Position != nil {
		line = t.Position.Line
	}
	return line, "is not valid YAML: " + withoutQuotes(y)
}

// withoutQuotes returns the message of a YAML error without the text that it quotes, unless that is a name.
func withoutQuotes(err yaml.Error) string {
	text := err.GetMessage()
	if strings.HasPrefix(text, "mapping key ") {
		return text
	}
	if strings.Contains(text, "'\t'") || strings.Contains(text, "'\\t'") {
		return "indented by a tab; YAML is indented by spaces"
	}
	text, _, _ = strings.Cut(text, `"`)
	return strings.TrimRight(text, ": ")
}

// surrogatePair matches the JSON escape of a character beyond the Basic Multilingual Plane.
var surrogatePair = regexp.MustCompile(`(\\\\)|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}`)

// jsonAsYAML makes a JSON text readable as YAML 1.2: without tabs between tokens, and without escaped surrogate pairs,
// which the YAML library does not know. Any other text is returned as it is.
func jsonAsYAML(text []byte) []byte {
	if trimmed := bytes.TrimSpace(text); len(trimmed) == 0 || trimmed[0] != '{' || !json.Valid(trimmed) {
		return text
	}
	text = bytes.ReplaceAll(text, []byte("\t"), []byte(" ")) // within strings JSON writes \t
	return surrogatePair.ReplaceAllFunc(text, func(escape []byte) []byte {
		var character string
		if len(escape) == 2 || json.Unmarshal([]byte(`"`+string(escape)+`"`), &character) != nil {
			return escape
		}
		return []byte(character)
	})
}
