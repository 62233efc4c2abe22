package language_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// forPeople are the folders whose texts are read by approvers. The console and the errors are for operators.
func forPeople() []string {
	return []string{
		"../web/*", "../web/templates/*", "../signin/*", "../notify/*", "../notify/email/*", "../notify/email/templates/*",
		"../notify/slack/*", "../notify/teams/*", "../notify/discord/*", "../notify/googlechat/*", "../notify/smtp/*",
		"../notify/ses/*", "../notify/logchannel/*",
	}
}

// sentence matches a text that begins as a sentence or a heading does: errors and log lines begin with a small letter.
var sentence = regexp.MustCompile(`^[A-Z][a-z]+(,? [A-Za-z]+)+`)

// TestNoTextIsWrittenInCode shows that texts for people are in the catalogue, and not in the code.
func TestNoTextIsWrittenInCode(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, pattern := range forPeople() {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			switch ext := filepath.Ext(file); {
			case strings.HasSuffix(file, "_test.go"):
			case ext == ".go":
				checkCode(t, file)
				seen++
			case ext == ".html", ext == ".tmpl":
				checkTemplate(t, file)
				seen++
			}
		}
	}
	if seen < 60 {
		t.Errorf("only %d files were found", seen)
	}
}

// checkCode reports string literals that are sentences. Details of refusals and the remedy of a failed sign-in at the console
// are for operators, as are tags of fields.
func checkCode(t *testing.T, file string) {
	t.Helper()
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			key, ok := n.Key.(*ast.Ident)
			return !ok || key.Name != "Detail" && key.Name != "remedy"
		case *ast.Field:
			return false
		case *ast.BasicLit:
			text, err := strconv.Unquote(n.Value)
			if n.Kind == token.STRING && err == nil && sentence.MatchString(text) && !isTechnical(text) {
				t.Errorf("%s: %q belongs into the catalogue", set.Position(n.Pos()), text)
			}
		}
		return true
	})
}

// isTechnical reports whether a text is for programs, or is shown when the catalogue cannot be.
func isTechnical(text string) bool {
	return strings.Contains(text, `="`) || text == "This page cannot be shown."
}

var (
	actions = regexp.MustCompile(`(?s)\{\{.*?\}\}`)
	markup  = regexp.MustCompile(`(?s)<style.*?</style>|<!--.*?-->|<[^>]*>|&[a-z]+;`)
	words   = regexp.MustCompile(`\p{Lu}\p{Ll}+`) // attributes have no capitals
	shown   = regexp.MustCompile(`(?:alt|title|placeholder|aria-label|value)="([^"{}]*)"`)
)

// checkTemplate reports words between the tags of a template, and in the attributes that people read or hear.
func checkTemplate(t *testing.T, file string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := markup.ReplaceAllString(actions.ReplaceAllString(string(b), ""), " ")
	if found := words.FindString(text); found != "" {
		t.Errorf("%s: %q belongs into the catalogue", file, found)
	}
	for _, attribute := range shown.FindAllStringSubmatch(string(b), -1) {
		if strings.Contains(attribute[1], " ") {
			t.Errorf("%s: %q belongs into the catalogue", file, attribute[1])
		}
	}
}
