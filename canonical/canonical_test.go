package canonical_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/approval-relay/approval-relay/canonical"
)

// TestCanonicalForm has the examples of RFC 8785 and its rules one by one. The first number of the example in section 3.2
// is 333333333.33333329 there, which readers of JSON change: such numbers are refused, see TestNoCanonicalForm.
func TestCanonicalForm(t *testing.T) {
	t.Parallel()

	for name, tt := range map[string]struct{ in, want string }{
		"example of section 3.2": {
			in: `{
				"numbers": [333333333.3333333, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
				"string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
				"literals": [null, true, false]
			}`,
			want: `{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],` +
				`"string":"€$\u000f\nA'B\"\\\\\"/"}`,
		},
		"order of names by UTF-16 code units": {
			in: `{"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
				"1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"}`,
			want: `{"\r":"Carriage Return","1":"One","` + "\u0080" + `":"Control","ö":"Latin Small Letter O With Diaeresis",` +
				`"€":"Euro Sign","😀":"Emoji: Grinning Face","` + "\ufb33" + `":"Hebrew Letter Dalet With Dagesh"}`,
		},
		"prefix comes first":     {`{"ab": 1, "a": 2, "": 3}`, `{"":3,"a":2,"ab":1}`},
		"nested":                 {`{"b": [ {"d": 1, "c": [] } ], "a": {}}`, `{"a":{},"b":[{"c":[],"d":1}]}`},
		"escapes":                {`"\b\f\n\r\t\u0001\u001f\u007f<>&\u2028"`, `"\b\f\n\r\t\u0001\u001f` + "\u007f<>&\u2028" + `"`},
		"not normalized":         {`"A\u030a"`, "\"A\u030a\""},
		"escaped backslash":      {`"\\ud800"`, `"\\ud800"`},
		"surrogate pair":         {`"\uD83D\uDE00"`, `"😀"`},
		"no spaces":              {" [ 1 , 2 ] ", `[1,2]`},
		"minus zero":             {`-0.0`, `0`},
		"least number":           {`5e-324`, `5e-324`},
		"greatest number":        {`1.7976931348623157e308`, `1.7976931348623157e+308`},
		"greatest integer":       {`9007199254740991`, `9007199254740991`},
		"exponent from 1e21":     {`[100000000000000000000, 1000000000000000000000]`, `[100000000000000000000,1e+21]`},
		"exponent below 1e-6":    {`[0.000001, 0.0000001]`, `[0.000001,1e-7]`},
		"shortest of its double": {`0.30000000000000004`, `0.30000000000000004`},
	} {
		got, err := canonical.JSON([]byte(tt.in))
		require.NoError(t, err, name)
		assert.Equal(t, tt.want, string(got), name)
		again, err := canonical.JSON(got)
		require.NoError(t, err, name)
		assert.Equal(t, string(got), string(again), "%s: the canonical form is its own", name)
	}
}

func TestNoCanonicalForm(t *testing.T) {
	t.Parallel()

	for in, want := range map[string]string{
		``:                                  "is not JSON",
		`{"a": 1}{`:                         "is not JSON",
		`{"a": NaN}`:                        "is not JSON",
		`{"a": 1, "\u0061": 2}`:             "/a: the name is given twice",
		`{"x": [{"a/b": 1, "a/b": 1}]}`:     "/x/0/a~1b: the name is given twice",
		`"\ud800"`:                          "has text that is not Unicode",
		`"\udc00\ud800"`:                    "has text that is not Unicode",
		`"\ud800\u0041"`:                    "has text that is not Unicode",
		`"\\\ud83d"`:                        "has text that is not Unicode",
		"\"\xff\"":                          "has text that is not Unicode",
		`{"id": 9007199254740993}`:          "/id: the number has more digits than JSON readers keep; send it as a string",
		`[333333333.33333329]`:              "/0: the number has more digits than JSON readers keep; send it as a string",
		`1e400`:                             "the number has more digits than JSON readers keep; send it as a string",
		`1e-400`:                            "the number has more digits than JSON readers keep; send it as a string",
		`1e99999999999999999999`:            "the number has more digits than JSON readers keep; send it as a string",
		`0.1000000000000000055511151231257`: "the number has more digits than JSON readers keep; send it as a string",
	} {
		_, err := canonical.JSON([]byte(in))
		assert.EqualError(t, err, want, in)
		var fault *canonical.Error
		assert.ErrorAs(t, err, &fault)
	}
}

// TestNumbersOfRFC8785 has the numbers of appendix B that text can state.
func TestNumbersOfRFC8785(t *testing.T) {
	t.Parallel()

	for in, want := range map[string]string{
		"0":                         "0",
		"-0":                        "0",
		"5e-324":                    "5e-324",
		"-5e-324":                   "-5e-324",
		"1.7976931348623157e308":    "1.7976931348623157e+308",
		"-1.7976931348623157e308":   "-1.7976931348623157e+308",
		"9007199254740992":          "9007199254740992",
		"-9007199254740992":         "-9007199254740992",
		"295147905179352830000":     "295147905179352830000",
		"9.999999999999997e22":      "9.999999999999997e+22",
		"1e23":                      "1e+23",
		"1.0000000000000001e23":     "1.0000000000000001e+23",
		"999999999999999700000":     "999999999999999700000",
		"999999999999999900000":     "999999999999999900000",
		"1e21":                      "1e+21",
		"9.999999999999997e-7":      "9.999999999999997e-7",
		"0.000001":                  "0.000001",
		"333333333.3333332":         "333333333.3333332",
		"333333333.33333325":        "333333333.33333325",
		"333333333.3333333":         "333333333.3333333",
		"333333333.3333334":         "333333333.3333334",
		"333333333.33333343":        "333333333.33333343",
		"-0.0000033333333333333333": "-0.0000033333333333333333",
		"1424953923781206.2":        "1424953923781206.2",
	} {
		got, ok := canonical.FormatNumber(in)
		assert.True(t, ok, in)
		assert.Equal(t, want, got, in)
	}
}

// TestTheSameValueHasTheSameBytes writes values with other spaces, escapes and orders of names.
func TestTheSameValueHasTheSameBytes(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		v := value(2).Draw(t, "value")
		want, err := v.JSON()
		if err != nil {
			t.Skip("a name is drawn twice")
		}
		got, err := canonical.JSON([]byte(disguise(t, v)))
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
	})
}

// TestOtherValuesHaveOtherBytes is the other half: a digest tells values apart.
func TestOtherValuesHaveOtherBytes(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		a, errA := value(2).Draw(t, "a").JSON()
		b, errB := value(2).Draw(t, "b").JSON()
		if errA != nil || errB != nil {
			t.Skip("a name is drawn twice")
		}
		parsedA, err := canonical.Parse(a)
		require.NoError(t, err)
		parsedB, err := canonical.Parse(b)
		require.NoError(t, err)
		digestA, err := canonical.Digest(a)
		require.NoError(t, err)
		digestB, err := canonical.Digest(b)
		require.NoError(t, err)
		require.Equal(t, assert.ObjectsAreEqual(parsedA, parsedB), digestA == digestB)
	})
}

func value(depth int) *rapid.Generator[canonical.Value] {
	kinds := []*rapid.Generator[canonical.Value]{
		rapid.Just(canonical.Value{}),
		rapid.Map(rapid.Bool(), func(b bool) canonical.Value { return canonical.Value{Kind: canonical.Bool, True: b} }),
		rapid.Map(rapid.SampledFrom([]string{"0", "-1", "1.5", "1e3", "0.1", "123456789012345", "1E-7"}),
			func(s string) canonical.Value { return canonical.Value{Kind: canonical.Number, Text: s} }),
		rapid.Map(rapid.StringMatching(`[a-c"\\\n\x{1}é😀\x{fb33}]{0,4}`),
			func(s string) canonical.Value { return canonical.Value{Kind: canonical.String, Text: s} }),
	}
	if depth > 0 {
		kinds = append(kinds,
			rapid.Map(rapid.SliceOfN(value(depth-1), 0, 3), func(items []canonical.Value) canonical.Value {
				return canonical.Value{Kind: canonical.Array, Items: items}
			}),
			rapid.Custom(func(t *rapid.T) canonical.Value {
				v := canonical.Value{Kind: canonical.Object}
				for range rapid.IntRange(0, 4).Draw(t, "members") {
					name := rapid.StringMatching(`[a-cé😀\x{fb33}]{0,3}`).Draw(t, "name")
					v.Members = append(v.Members, canonical.Member{Name: name, Value: value(depth-1).Draw(t, "value")})
				}
				return v
			}))
	}
	return rapid.OneOf(kinds...)
}

// disguise writes a value in one of its other forms.
func disguise(t *rapid.T, v canonical.Value) string {
	space := rapid.SampledFrom([]string{"", " ", "\n\t"}).Draw(t, "space")
	switch v.Kind {
	case canonical.Bool:
		if v.True {
			return space + "true"
		}
		return "false" + space
	case canonical.Number:
		return space + v.Text
	case canonical.String:
		return quote(t, v.Text)
	case canonical.Array:
		var items []string
		for _, item := range v.Items {
			items = append(items, disguise(t, item))
		}
		return "[" + space + strings.Join(items, space+",") + "]"
	case canonical.Object:
		var members []string
		for _, m := range rapid.Permutation(v.Members).Draw(t, "order") {
			members = append(members, quote(t, m.Name)+space+":"+disguise(t, m.Value))
		}
		return "{" + strings.Join(members, ","+space) + space + "}"
	}
	return "null"
}
