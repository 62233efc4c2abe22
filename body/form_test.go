package body

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// decoded is the value of a decoded form. Its fields are texts and lists of texts.
type fields = map[string]any

func TestForm(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]fields{
		"":                             {},
		"order=A-1&say=yes+%26+no&e=":  {"order": "A-1", "say": "yes & no", "e": ""},
		"a=1&b=x&a=2":                  {"a": []any{"1", "2"}, "b": "x"},
		"K%C3%A4ufer=%F0%9F%98%80":     {"Käufer": "😀"},
		"\ufefforder=A-1":              {"order": "A-1"},
		"order=A-1\r\n":                {"order": "A-1"},
		"plus=1%2B1&percent=100%25":    {"plus": "1+1", "percent": "100%"},
		"a[b]=1&a[c]=2&=empty+name&&x": {"a[b]": "1", "a[c]": "2", "": "empty name", "x": ""},
		"payload=%7B%22a%22%3A1%7D":    {"a": 1.0},
		"payload={\"a\":1}":            {"a": 1.0},
		"payload=%EF%BB%BF+%7B%7D":     {},
		"payload=text":                 {"payload": "text"},
		"payload=[1]":                  {"payload": "[1]"},
		"payload=[{\"a\":1}]":          {"a": 1.0},
		"payload=[{},{}]":              {"payload": "[{},{}]"},
		"payload={}&payload={}":        {"payload": []any{"{}", "{}"}},
		"payload={}&token=x":           {"payload": "{}", "token": "x"},
		"rawRequest={}":                {"rawRequest": "{}"},
	} {
		got, err := Decode(Form, []byte(text), object)
		require.NoError(t, err, text)
		require.Equal(t, want, got.Value, text)
		require.Empty(t, got.Notes, text)
	}
}

func TestFormRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a=%zz&secret=1":                    "is not a form: it has an invalid escape",
		"a=1;secret=2":                      "is not a form: it has an invalid escape or a semicolon",
		"a=%ff":                             "is a form that is not UTF-8",
		"%ff=a":                             "is a form that is not UTF-8",
		"a=\xff":                            "is a form that is not UTF-8",
		`{"comment":"&order=A-1&secret="}`:  "it looks like JSON",
		` ["&order=A-1&secret="]`:           "it looks like JSON",
		`"&order=A-1&secret="`:              "it looks like JSON",
		"payload={\"secret\"":               "is a form, and its field payload",
		string(utf16Of("a=1", false, true)): "is in UTF-16",
		string(utf16Of("a=1", true, false)): "is in UTF-16",
		strings.Repeat("&", maxFields):      "more than 1000 fields",
	} {
		_, err := Decode(Form, []byte(text), object)
		require.ErrorContains(t, err, want, text)
		require.NotContains(t, err.Error(), "secret", text)
	}
}

// The first character tells JSON from a form, and JSON of every kind is never read as a form.
func TestJSONOrForm(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]fields{
		order:                           {"orderId": "A-1", "decision": "approve", "decidedBy": "ann@example.com"},
		"\ufeff \n" + `{"a":"&b=1"}`:    {"a": "&b=1"},
		"payload=" + order:              {"orderId": "A-1", "decision": "approve", "decidedBy": "ann@example.com"},
		"command=%2Fapprove&text=A-1":   {"command": "/approve", "text": "A-1"},
		"\ufeffcommand=%2Fapprove&x={}": {"command": "/approve", "x": "{}"},
	} {
		got, err := Decode(JSONOrForm, []byte(text), object)
		require.NoError(t, err, text)
		require.Equal(t, want, got.Value, text)
	}
	for _, text := range []string{`["&order=A-1&decision=approve"]`, `"&order=A-1&decision=approve"`, `{"&order=A-1"`} {
		_, err := Decode(JSONOrForm, []byte(text), object)
		require.Error(t, err, text)
		require.NotContains(t, err.Error(), "form", "it is JSON")
	}
}

// part is a part of multipart/form-data.
func part(disposition, text string, headers ...string) string {
	return "--x9\r\nContent-Disposition: " + disposition + "\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n" + text + "\r\n"
}

func TestMultipart(t *testing.T) {
	t.Parallel()
	field := func(name, text string) string { return part(fmt.Sprintf("form-data; name=%q", name), text) }
	file := part(`form-data; name="photo"; filename="me.png"`, "\x89PNG\xff\x00", "Content-Type: image/png")
	const noted = `the file in the field "photo" is not read`
	for name, test := range map[string]struct {
		sent  string
		want  fields
		notes []string
	}{
		"fields": {field("submissionID", "512") + field("rawRequest", order) + "--x9--\r\n",
			fields{"submissionID": "512", "rawRequest": order}, nil},
		"without the last line end": {field("a", "1") + "--x9--", fields{"a": "1"}, nil},
		"an epilogue":               {field("a", "1") + "--x9--\r\nepilogue", fields{"a": "1"}, nil},
		"a mark and line ends":      {"\ufeff\r\n" + field("a", "1") + "--x9--", fields{"a": "1"}, nil},
		"lines end with LF":         {strings.ReplaceAll(field("a", "1")+"--x9--\r\n", "\r\n", "\n"), fields{"a": "1"}, nil},
		"a field twice":             {field("a", "1") + field("a", "2") + "--x9--", fields{"a": []any{"1", "2"}}, nil},
		"UTF-8":                     {field("Käufer", "ä 😀") + "--x9--", fields{"Käufer": "ä 😀"}, nil},
		"an empty field":            {field("a", "") + "--x9--", fields{"a": ""}, nil},
		"a name without quotes":     {part("form-data; name=a", "1") + "--x9--", fields{"a": "1"}, nil},
		"a header in lower case":    {"--x9\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x9--", fields{"a": "1"}, nil},
		"JSON with a type": {part(`form-data; name="a"`, "{}", "Content-Type: application/json") + "--x9--",
			fields{"a": "{}"}, nil},
		"quoted-printable": {part(`form-data; name="a"`, "=C3=A4=3D", "Content-Transfer-Encoding: quoted-printable") + "--x9--",
			fields{"a": "ä="}, nil},
		"base64":           {part(`form-data; name="a"`, "w6Q=", "Content-Transfer-Encoding: base64") + "--x9--", fields{"a": "ä"}, nil},
		"8bit":             {part(`form-data; name="a"`, "ä", "Content-Transfer-Encoding: 8bit") + "--x9--", fields{"a": "ä"}, nil},
		"payload":          {field("payload", order) + "--x9--", fields{"orderId": "A-1", "decision": "approve", "decidedBy": "ann@example.com"}, nil},
		"a payload beside": {field("payload", "{}") + field("a", "1") + "--x9--", fields{"payload": "{}", "a": "1"}, nil},
		"a file":           {field("a", "1") + file + field("b", "2") + "--x9--", fields{"a": "1", "b": "2"}, []string{noted}},
		"an empty file":    {part(`form-data; name="photo"; filename=""`, "") + "--x9--", fields{}, []string{noted}},
		"a file with filename*": {part(`form-data; name="photo"; filename*=UTF-8''%e2%82%ac.txt`, "x") + "--x9--", fields{},
			[]string{noted}},
		"payload beside a file": {field("payload", order) + file + "--x9--",
			fields{"orderId": "A-1", "decision": "approve", "decidedBy": "ann@example.com"}, []string{noted}},
	} {
		got, err := Decode(Multipart, []byte(test.sent), object)
		require.NoError(t, err, name)
		require.Equal(t, test.want, got.Value, name)
		require.Equal(t, test.notes, got.Notes, name)
	}
	many, err := Decode(Multipart, []byte(strings.Repeat(file, 14)+"--x9--"), object)
	require.NoError(t, err)
	require.Len(t, many.Notes, 11)
	require.Equal(t, "4 more files are not read", many.Notes[10])
	long, err := Decode(Multipart, []byte(part(`form-data; name="`+strings.Repeat("ä", 100)+`"; filename="a"`, "")+"--x9--"), object)
	require.NoError(t, err)
	require.Equal(t, []string{`the file in the field "` + strings.Repeat("ä", 59) + `…" is not read`}, long.Notes)
}

func TestMultipartRefused(t *testing.T) {
	t.Parallel()
	good := part(`form-data; name="secret"`, "1")
	for name, test := range map[string]struct{ sent, want string }{
		"no last boundary":        {good, "ends before its last boundary"},
		"cut off in a part":       {good[:len(good)-3], "ends before its last boundary"},
		"cut off in a header":     {good[:30], "ends before its last boundary"},
		"another boundary":        {good + "--y8--", "ends before its last boundary"},
		"cut off in a file":       {part(`form-data; name="secret"; filename="x"`, "1"), "ends before its last boundary"},
		"a preamble":              {"preamble\r\n" + good + "--x9--", "does not begin with a boundary"},
		"JSON":                    {order, "does not begin with a boundary"},
		"empty":                   {"", "does not begin with a boundary"},
		"only dashes":             {"--\r\n--", "does not begin with a boundary"},
		"a boundary of 71":        {"--" + strings.Repeat("x", 71) + "\r\n", "does not begin with a boundary"},
		"an odd boundary":         {"--a\x00b\r\n", "UTF-16|does not begin with a boundary"},
		"no name":                 {part("form-data", "1") + "--x9--", "a part without a name"},
		"an attachment":           {part(`attachment; name="secret"`, "1") + "--x9--", "a part without a name"},
		"two names":               {part(`form-data; name="a"; name="secret"`, "1") + "--x9--", "a part without a name"},
		"no disposition":          {"--x9\r\nContent-Type: text/plain\r\n\r\n1\r\n--x9--", "without the header Content-Disposition"},
		"two dispositions":        {part(`form-data; name="a"`, "1", `Content-Disposition: form-data; name="secret"`) + "--x9--", "or with several"},
		"a field not in UTF-8":    {part(`form-data; name="a"`, "secret\xff") + "--x9--", "not UTF-8"},
		"a name not in UTF-8":     {part("form-data; name=\"secret\xff\"", "1") + "--x9--", "a part without a name"},
		"damaged base64":          {part(`form-data; name="a"`, "secret!", "Content-Transfer-Encoding: base64") + "--x9--", "a part that is not base64"},
		"another transfer coding": {part(`form-data; name="a"`, "1", "Content-Transfer-Encoding: x-uuencode") + "--x9--", "Content-Transfer-Encoding"},
		"too many parts":          {strings.Repeat(good, maxFields+1) + "--x9--", "more than 1000 fields"},
		"damaged JSON in payload": {part(`form-data; name="payload"`, `{"secret"`) + "--x9--", "its field payload"},
		"UTF-16":                  {string(utf16Of(good, false, true)), "is in UTF-16"},
	} {
		_, err := Decode(Multipart, []byte(test.sent), object)
		require.Error(t, err, name)
		require.Regexp(t, test.want, err.Error(), name)
		require.NotContains(t, err.Error(), "secret", name)
	}
}
