package language

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"
)

//go:embed texts/*.json
var files embed.FS

// Languages lists the languages of the catalogue, the default language first.
func Languages() []Tag { return []Tag{"en", "de"} }

// Words has the texts of the catalogue in a language. The zero value is not usable, see For.
type Words struct {
	tag   Tag
	texts map[string]string
}

var catalogue = sync.OnceValue(func() map[Tag]map[string]string {
	all := map[Tag]map[string]string{}
	for _, tag := range Languages() {
		b, err := files.ReadFile("texts/" + string(tag) + ".json")
		if err == nil {
			var texts map[string]string
			err = json.Unmarshal(b, &texts)
			all[tag] = texts
		}
		if err != nil { // the files are part of the program, and a test reads them
			panic(fmt.Sprintf("texts of %s: %s", tag, err))
		}
	}
	return all
})

// For returns the words in a language, or in English if the catalogue does not have it.
func For(tag Tag) Words {
	base, _, _ := strings.Cut(strings.ToLower(string(tag)), "-")
	texts, ok := catalogue()[Tag(base)]
	if !ok {
		return Words{tag: "en", texts: catalogue()["en"]}
	}
	return Words{tag: tag, texts: texts}
}

// Tag returns the language, for the attribute lang of a document.
func (w Words) Tag() Tag { return w.tag }

// Text returns the text of a key, with the values of its placeholders: Text("page.approved", "time", "2 July") puts
// "2 July" in the place of "{time}". An unknown key is returned as it is; a test finds it.
func (w Words) Text(key string, namesAndValues ...string) string {
	text, ok := w.texts[key]
	if !ok {
		return key
	}
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		text = strings.ReplaceAll(text, "{"+namesAndValues[i]+"}", namesAndValues[i+1])
	}
	return text
}

// Count returns the text of key+".one" or key+".other", with "{n}" replaced by the number.
func (w Words) Count(key string, n int, namesAndValues ...string) string {
	form := ".other"
	if n == 1 {
		form = ".one"
	}
	return w.Text(key+form, append([]string{"n", w.Number(json.Number(fmt.Sprint(n)))}, namesAndValues...)...)
}

// Number returns a number with the separators of the language. Its digits stay as they are written: 19.90 keeps its zero.
func (w Words) Number(n json.Number) string { return string(n) }

// Time returns a time for people in a zone, with the name of the zone, and the same in UTC beside it if the zone is
// another.
func (w Words) Time(t time.Time, zone *time.Location) string {
	return t.In(zone).Format("Mon 2 Jan 2006, 15:04 MST")
}
