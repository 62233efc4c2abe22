package main

import (
	"go/ast"
	"go/token"
	"regexp"
	"strings"
)

// relativeWords begin clauses that stand in place of a noun. The house style asks for the noun.
var relativeWords = wordSet("what who whom whose which those one ones whoever whatever")

// negations are words of negative statements. The house style asks for the positive case.
var negations = wordSet("none nobody nothing no")

var wordForm = regexp.MustCompile(`[a-z']+`)

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		set[word] = true
	}
	return set
}

// addComments counts the words of the comments. Directives such as //nolint and //go:embed do not count.
func (m *measurement) addComments(files *token.FileSet, parsed *ast.File) {
	for _, group := range parsed.Comments {
		for _, comment := range group.List {
			text := strings.TrimPrefix(strings.TrimPrefix(comment.Text, "//"), "/*")
			if strings.HasPrefix(text, "go:") || strings.HasPrefix(text, "nolint") {
				continue
			}
			for _, word := range wordForm.FindAllString(strings.ToLower(text), -1) {
				m.words++
				if relativeWords[word] {
					m.relativeWords = append(m.relativeWords, place(files, comment, word))
				}
				if negations[word] {
					m.negations = append(m.negations, place(files, comment, word))
				}
			}
		}
	}
}
