package identity

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// errObject is returned for JSON with objects: which of their values is the name is not known.
var errObject = errors.New("is JSON with other values than texts; take the names out of it by an expression")

// errJSON is returned for a text that begins as a JSON array or object and is none.
var errJSON = errors.New("begins as JSON, and is not valid JSON")

// readJSON returns the texts of JSON within a text, as States.JsonToString and other serializers make it: an array of
// texts, or a single text. The second result reports whether the text is JSON.
func readJSON(text string) (list []string, isJSON bool, err error) {
	if text == "" || !strings.ContainsRune(`[{"`, rune(text[0])) {
		return nil, false, nil
	}
	var value any
	decoder := json.NewDecoder(strings.NewReader(text))
	if decoder.Decode(&value) != nil || !atEnd(decoder) {
		if text[0] == '"' { // the quotes of a display name: "Example, Ann" <ann@example.com>
			return nil, false, nil
		}
		return nil, true, errJSON
	}
	switch value := value.(type) {
	case string:
		return []string{value}, true, nil
	case []any:
		for _, item := range value {
			name, ok := item.(string)
			if !ok {
				return nil, true, errObject
			}
			list = append(list, name)
		}
		return list, true, nil
	}
	return nil, true, errObject
}

func atEnd(decoder *json.Decoder) bool {
	_, err := decoder.Token()
	return errors.Is(err, io.EOF)
}
