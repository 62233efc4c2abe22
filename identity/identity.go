// Package identity reads the names of people as messages and configurations write them: an e-mail address, an address
// with a display name, a list of addresses in one text, the ARN of a session of AWS. The rest of the program then sees
// one spelling for each person, so that a person is asked under the name by which they decide, and the requester is
// recognised among the approvers.
//
// A text that may stand for several people, and that cannot be taken apart for sure, is refused. Otherwise it would
// become one approver with an impossible name, whom nobody can notify.
package identity

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// errSeveral is returned where a single person is expected.
var errSeveral = errors.New("names several people; one is expected")

// errNoAddresses is returned for a list with parts that are no e-mail addresses.
var errNoAddresses = errors.New("is one text with several parts, and not all of them are e-mail addresses; " +
	"write them as a list, one text for each person")

// errTooLong is returned for a text that is longer than any list of people.
var errTooLong = fmt.Errorf("is longer than %d bytes", maxText)

// errUnclear is returned for a text with addresses that cannot be told apart from the rest.
var errUnclear = errors.New("is more than an e-mail address, and not of a known form such as Name <address>")

// Clean returns a text in Unicode's form NFC, without white space around it. Two texts that look the same to people
// are then the same, whether the sender composes its accents or not.
func Clean(text string) string {
	return norm.NFC.String(strings.TrimFunc(text, isInvisibleSpace))
}

// isInvisibleSpace reports whether a character is white space, or takes no space at all: the byte order mark and the
// spaces of zero width, which copying and editors leave behind.
func isInvisibleSpace(r rune) bool {
	return unicode.IsSpace(r) || strings.ContainsRune("\ufeff\u200b\u200c\u200d\u2060", r)
}

// maxText bounds a text with the names of people, in bytes.
const maxText = 64 << 10

// ReadOne returns the name of the person in a text. A text without an e-mail address is a name and stays as it is, also
// with commas: "Krystof, Mia". The result is empty if the text is.
func ReadOne(text string) (string, error) {
	people, err := ReadItem(text)
	switch {
	case err != nil:
		return "", err
	case len(people) == 0:
		return "", nil
	case len(people) > 1:
		return "", errSeveral
	}
	return people[0], nil
}

// ReadList returns the people in a text that stands alone in the place of a list. A text of several parts must be a list
// of e-mail addresses: whether "Krystof, Mia" is one person or two is not known.
func ReadList(text string) ([]string, error) {
	if len(text) > maxText {
		return nil, errTooLong
	}
	text = Clean(text)
	_, isJSON, _ := readJSON(text)
	if isJSON || isDistinguishedName(text) || countParts(text) < 2 {
		return ReadItem(text)
	}
	people, ok := splitAddresses(text)
	if !ok {
		return nil, errNoAddresses
	}
	return people, nil
}

// ReadItem returns the people in a text that is part of a list: one person as a rule, or several addresses. A text
// without an e-mail address is one name.
func ReadItem(text string) ([]string, error) {
	if len(text) > maxText {
		return nil, errTooLong
	}
	text = Clean(text)
	if err := CheckPlaceholder(text); err != nil {
		return nil, err
	}
	list, isJSON, err := readJSON(text)
	if err != nil {
		return nil, err
	}
	if isJSON {
		return ReadItems(list)
	}
	if person, ok := readPerson(text); ok {
		return []string{person}, nil
	}
	if people, ok := splitAddresses(text); ok {
		return people, nil
	}
	if containsAddress(text) {
		return nil, errUnclear
	}
	if countParts(text) == 0 {
		return []string{""}, nil
	}
	return []string{text}, nil
}

// ReadItems returns the people in the texts of a list. An empty text stays, so that the reader of the list can refuse
// it.
func ReadItems(list []string) ([]string, error) {
	var people []string
	for i, item := range list {
		more, err := ReadItem(item)
		if err != nil {
			return nil, fmt.Errorf("number %d %w", i+1, err)
		}
		people = append(people, more...)
	}
	return people, nil
}

// isDistinguishedName reports whether a text is a name of a directory, such as CN=Ann,OU=Sales. Its commas separate the
// parts of one name.
func isDistinguishedName(text string) bool {
	for part := range strings.SplitSeq(text, ",") {
		if attribute, _, ok := strings.Cut(part, "="); !ok || strings.TrimSpace(attribute) == "" {
			return false
		}
	}
	return true
}
