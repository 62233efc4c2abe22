package language

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/feature/plural"
	xlanguage "golang.org/x/text/language"
)

//go:embed texts/*.json
var files embed.FS

// Default is the language of readers with an unknown language, or a language without texts.
const Default Tag = "en"

// Words has the texts of the catalogue in a language. The zero value has the texts of the default language.
type Words struct {
	tag   Tag
	texts map[string]string
}

// catalogue has the texts of every language: one file each, named after the language.
var catalogue = sync.OnceValue(func() map[Tag]map[string]string {
	all := map[Tag]map[string]string{}
	entries, err := files.ReadDir("texts")
	if err != nil {
		panic(err)
	}
	for _, entry := range entries {
		var texts map[string]string
		b, err := files.ReadFile("texts/" + entry.Name())
		if err == nil {
			err = json.Unmarshal(b, &texts)
		}
		if err != nil { // the files are part of the program, and a test reads them
			panic(fmt.Sprintf("%s: %s", entry.Name(), err))
		}
		all[Tag(strings.TrimSuffix(entry.Name(), path.Ext(entry.Name())))] = texts
	}
	return all
})

// Languages lists the languages of the catalogue, the default language first.
func Languages() []Tag {
	list := []Tag{Default}
	for tag := range catalogue() {
		if tag != Default {
			list = append(list, tag)
		}
	}
	slices.Sort(list[1:])
	return list
}

// For returns the words in a language, such as "de" or "de-AT", or in English if the catalogue does not have it.
func For(tag Tag) Words {
	base, _, _ := strings.Cut(strings.ToLower(string(tag)), "-")
	texts, ok := catalogue()[Tag(base)]
	if !ok {
		return Words{tag: Default, texts: catalogue()[Default]}
	}
	return Words{tag: tag, texts: texts}
}

// Tag returns the language, for the attribute lang of a document.
func (w Words) Tag() Tag {
	if w.tag == "" {
		return Default
	}
	return w.tag
}

// Direction returns the direction of the script, for the attribute dir of a document: "ltr" or "rtl".
func (w Words) Direction() string {
	script, _ := xlanguage.Make(string(w.Tag())).Script()
	if slices.Contains([]string{"Arab", "Hebr", "Thaa", "Syrc", "Nkoo", "Adlm", "Rohg"}, script.String()) {
		return "rtl"
	}
	return "ltr"
}

// Text returns the text of a key, with the values of its placeholders: Text("page.closed.approved", "time", "2 July") puts
// "2 July" in the place of "{time}". A value that contains braces stays as it is. An unknown key is returned as it is; a
// test finds it.
func (w Words) Text(key string, namesAndValues ...string) string {
	text, ok := w.find(key)
	if !ok {
		return key
	}
	if len(namesAndValues) == 0 {
		return text
	}
	pairs := make([]string, 0, len(namesAndValues))
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		pairs = append(pairs, "{"+namesAndValues[i]+"}", namesAndValues[i+1])
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// All returns every text of the language by its key, for tests.
func (w Words) All() map[string]string { return maps.Clone(catalogue()[For(w.Tag()).base()]) }

// base returns the language without its region.
func (w Words) base() Tag {
	base, _, _ := strings.Cut(strings.ToLower(string(w.Tag())), "-")
	return Tag(base)
}

func (w Words) find(key string) (string, bool) {
	texts := w.texts
	if texts == nil {
		texts = catalogue()[Default]
	}
	text, ok := texts[key]
	return text, ok
}

// Count returns the text of key+".one" or key+".other", as the language has it for the number, with "{n}" replaced by
// the number. A language with more plural forms has texts for them too: key+".few", key+".many".
func (w Words) Count(key string, n int, namesAndValues ...string) string {
	form := key + "." + w.pluralForm(n)
	if _, ok := w.find(form); !ok {
		form = key + ".other"
	}
	return w.Text(form, append([]string{"n", w.Number(json.Number(fmt.Sprint(n)))}, namesAndValues...)...)
}

// pluralForm returns the plural form of a whole number, as CLDR names it.
func (w Words) pluralForm(n int) string {
	switch plural.Cardinal.MatchPlural(xlanguage.Make(string(w.Tag())), max(n, -n), 0, 0, 0, 0) {
	case plural.Zero:
		return "zero"
	case plural.One:
		return "one"
	case plural.Two:
		return "two"
	case plural.Few:
		return "few"
	case plural.Many:
		return "many"
	case plural.Other:
	}
	return "other"
}
