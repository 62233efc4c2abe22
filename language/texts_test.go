package language_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/approval-relay/approval-relay/language"
)

var (
	placeholders = regexp.MustCompile(`\{[a-z_]+\}`)
	literals     = regexp.MustCompile("[\"`]([a-z]+[._](?:[a-z0-9_]+[._]?)*)[\"`]")
	pluralForms  = []string{".zero", ".one", ".two", ".few", ".many", ".other"}
)

// readTexts returns the texts of a language.
func readTexts(t *testing.T, tag language.Tag) map[string]string {
	t.Helper()
	b, err := os.ReadFile("texts/" + string(tag) + ".json")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	if err := json.Unmarshal(b, &texts); err != nil {
		t.Fatal(err)
	}
	sorted, err := marshalTexts(texts)
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != sorted {
		t.Errorf("texts/%s.json: not sorted by key, one text a line, or a key twice", tag)
		if os.Getenv("WRITE_TEXTS") != "" {
			_ = os.WriteFile("texts/"+string(tag)+".json", []byte(sorted), 0o600)
		}
	}
	return texts
}

// marshalTexts returns the one form of a file of texts.
func marshalTexts(texts map[string]string) (string, error) {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(texts)
	return b.String(), err
}

// withoutPlural returns the key of a text without its plural form.
func withoutPlural(key string) string {
	for _, form := range pluralForms {
		if base, ok := strings.CutSuffix(key, form); ok {
			return base
		}
	}
	return key
}

// TestLanguagesAreComplete shows that every language has every text, with the same placeholders, and no text of its own.
func TestLanguagesAreComplete(t *testing.T) {
	t.Parallel()
	english := readTexts(t, language.Default)
	for _, tag := range language.Languages() {
		texts := readTexts(t, tag)
		for key, text := range english {
			own, ok := texts[key]
			switch {
			case !ok:
				t.Errorf("%s lacks %s: %q", tag, key, text)
			case strings.TrimSpace(own) != own || own == "":
				t.Errorf("%s: %s is empty, or has white space around it", tag, key)
			case !slices.Equal(findPlaceholders(text), findPlaceholders(own)) && !isOne(key, text, own):
				t.Errorf("%s: %s has the placeholders %q, want %q", tag, key, findPlaceholders(own), findPlaceholders(text))
			}
		}
		for key := range texts {
			_, known := english[key]
			_, plural := english[withoutPlural(key)+".other"]
			if !known && !plural {
				t.Errorf("%s has a text that English lacks: %s", tag, key)
			}
		}
	}
}

// isOne reports whether the texts differ only in the number 1, which a language may have as a word.
func isOne(key, text, own string) bool {
	without := func(s string) []string {
		return slices.DeleteFunc(findPlaceholders(s), func(p string) bool { return p == "{n}" })
	}
	return strings.HasSuffix(key, ".one") && slices.Equal(without(text), without(own))
}

func findPlaceholders(text string) []string {
	found := placeholders.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// TestTextsAreUsed compares the keys in the code with the keys of the catalogue. A key in the code is a text that begins
// with the first part of a key of the catalogue; it may end in a dot or an underscore where the code adds a value.
func TestTextsAreUsed(t *testing.T) {
	t.Parallel()
	english := readTexts(t, language.Default)
	rooms := map[string]bool{}
	for key := range english {
		room, _, _ := strings.Cut(key, ".")
		rooms[room] = true
	}
	used := findKeys(t, rooms)
	for key, file := range used {
		prefix := strings.HasSuffix(key, ".") || strings.HasSuffix(key, "_")
		known := slices.ContainsFunc(slices.Collect(maps.Keys(english)), func(have string) bool {
			return have == key || withoutPlural(have) == key || prefix && strings.HasPrefix(have, key)
		})
		if !known {
			t.Errorf("%s uses %q, and the catalogue lacks it", file, key)
		}
	}
	for key := range english {
		if !isUsed(key, used) {
			t.Errorf("no code uses the text %s", key)
		}
	}
}

func isUsed(key string, used map[string]string) bool {
	for candidate := range used {
		if candidate == key || candidate == withoutPlural(key) {
			return true
		}
		if (strings.HasSuffix(candidate, ".") || strings.HasSuffix(candidate, "_")) && strings.HasPrefix(key, candidate) {
			return true
		}
	}
	return false
}

// findKeys returns the keys in the code and the templates of the program, with a file of each.
func findKeys(t *testing.T, rooms map[string]bool) map[string]string {
	t.Helper()
	used := map[string]string{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		ext := filepath.Ext(path)
		if entry.IsDir() && slices.Contains([]string{".git", "testdata", "bin", "docs", "texts"}, entry.Name()) {
			return filepath.SkipDir
		}
		isCode := ext == ".html" || ext == ".tmpl" || ext == ".go" && !strings.HasSuffix(path, "_test.go")
		if entry.IsDir() || !isCode {
			return nil
		}
		b, err := os.ReadFile(path)
		for _, found := range literals.FindAllStringSubmatch(string(b), -1) {
			room, _, _ := strings.Cut(found[1], ".")
			isFile := slices.Contains([]string{".com", ".html", ".json", ".tmpl", ".txt", ".yaml"}, filepath.Ext(found[1]))
			isField := strings.HasPrefix(found[1], "form.properties.") // of the configuration
			if rooms[room] && !isFile && !isField {
				used[found[1]] = path
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return used
}
