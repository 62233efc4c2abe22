package language

import (
	"strings"
	"sync"

	xlanguage "golang.org/x/text/language"
)

// maxHeader is the longest header Accept-Language that is read, in bytes. Browsers send less than a tenth of it.
const maxHeader = 1024

var matcher = sync.OnceValue(func() xlanguage.Matcher {
	var tags []xlanguage.Tag
	for _, tag := range Languages() {
		tags = append(tags, xlanguage.Make(string(tag)))
	}
	return xlanguage.NewMatcher(tags)
})

// Match returns the language of the catalogue that a header Accept-Language prefers, with the region of the header:
// "de-AT" for "fr-CH, de-AT;q=0.8, en;q=0.5". It returns false if the catalogue lacks all of its languages.
func Match(header string) (Tag, bool) {
	if header == "" || len(header) > maxHeader {
		return "", false
	}
	wanted, qualities, err := xlanguage.ParseAcceptLanguage(header)
	if err != nil {
		return "", false
	}
	for i, tag := range wanted { // they are in the order of their quality
		if qualities[i] <= 0 {
			continue
		}
		if found, ok := match(tag); ok {
			return found, true
		}
	}
	return "", false
}

// match returns the language of the catalogue that is the same as the tag's, with the region of the tag.
func match(tag xlanguage.Tag) (Tag, bool) {
	_, index, confidence := matcher().Match(tag)
	if confidence < xlanguage.High {
		return "", false
	}
	found := Languages()[index]
	if region, sure := tag.Region(); sure == xlanguage.Exact {
		return found + Tag("-"+region.String()), true
	}
	return found, true
}

// Parse returns the language that a tag of BCP 47 names, in its usual form: "de-AT" for "de_at". It returns false if the
// text is not a tag, or the catalogue lacks the language.
func Parse(text string) (Tag, bool) {
	if text == "" || len(text) > 35 || strings.ContainsAny(text, ",;* ") {
		return "", false
	}
	tag, err := xlanguage.Parse(text)
	if err != nil {
		return "", false
	}
	return match(tag)
}
