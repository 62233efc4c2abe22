package approval

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A text that is only shown is cut with a mark, and never refused.
func TestLongTextsAreCut(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	a, _ := addRequest(t, o, newRequest("t", func(r *Request) {
		r.Title = strings.Repeat("ä", MaxTitle+76)
		r.Details = []Field{
			{Name: "Notes", Value: strings.Repeat("本", 3000)},
			{Name: strings.Repeat("n", 200), Value: strings.Repeat("x", 20_000)},
		}
	}), envAt(0))
	require.Equal(t, MaxTitle, utf8.RuneCountInString(a.Title))
	require.True(t, strings.HasSuffix(a.Title, "ä… (cut, 1,100 characters)"), a.Title)
	require.Equal(t, strings.Repeat("本", 3000), a.Details[0].Value, "whole")
	require.Equal(t, MaxDetailName, utf8.RuneCountInString(a.Details[1].Name))
	require.Equal(t, MaxDetail, utf8.RuneCountInString(a.Details[1].Value))
	require.True(t, strings.HasSuffix(a.Details[1].Value, "x… (cut, 20,000 characters)"))

	for i, n := range []int{5000, MaxComment, MaxComment + 1, 100_000} {
		o := &Order{ID: "o-1"}
		a, _ := addRequest(t, o, newRequest("t"), envAt(0))
		requireVerdict(t, o, approveDecision(fmt.Sprint(i), func(d *Decision) { d.Comment = strings.Repeat("é", n) }), envAt(1),
			VerdictDecided)
		got := a.Votes[0].Comment
		require.Equal(t, min(n, MaxComment), utf8.RuneCountInString(got))
		require.Equal(t, n > MaxComment, strings.HasSuffix(got, fmt.Sprintf("(cut, %s characters)", groupDigits(n))), n)
	}
}

// The texts of an order share its record: the first are whole, and each has at least its minimum.
func TestTextsOfAnOrderShareItsRecord(t *testing.T) {
	t.Parallel()
	o := &Order{ID: "o-1"}
	for i := range 100 {
		addRequest(t, o, newRequest(fmt.Sprint(i), withStep(fmt.Sprint(i)), func(r *Request) {
			for d := range 20 {
				r.Details = append(r.Details, Field{Name: fmt.Sprint("d", d), Value: strings.Repeat("x", 16_000)})
			}
		}), envAt(0))
		requireVerdict(t, o, approveDecision(fmt.Sprint(i), onStep(fmt.Sprint(i)), func(d *Decision) {
			d.Comment = strings.Repeat("y", 20_000)
		}), envAt(1), VerdictDecided)
	}
	first, last := o.Approvals[0], o.Approvals[99]
	require.Greater(t, sizeOfFields(first.Details), 60_000)
	require.Len(t, first.Votes[0].Comment, MaxComment+len("…")-1)
	require.InDelta(t, minDetails, sizeOfFields(last.Details), 200)
	require.InDelta(t, minComment, len(last.Votes[0].Comment), 10)
	total := 0
	for _, a := range o.Approvals {
		total += sizeOfFields(a.Details) + len(a.Votes[0].Comment)
	}
	require.Less(t, total, maxOrderTexts+100*(minDetails+minComment))
}

// Short values stay whole beside a long one, and what is left out is counted.
func TestFitDetails(t *testing.T) {
	t.Parallel()
	fields := []Field{
		{Name: "a", Value: "19.90"},
		{Name: "long", Value: strings.Repeat("x", 9000)},
		{Name: "b", Value: strings.Repeat("y", 500)},
		{Value: strings.Repeat("z", 9000)},
	}
	got := fitDetails(fields, 5000)
	require.Equal(t, []Field{fields[0], fields[2]}, []Field{got[0], got[2]})
	require.LessOrEqual(t, sizeOfFields(got), 5000)
	require.Greater(t, sizeOfFields(got), 4900)
	require.Len(t, fields[1].Value, 9000, "the request is not changed")

	var many []Field
	for i := range MaxDetails + 99 {
		many = append(many, Field{Name: fmt.Sprint("f", i), Value: "v"})
	}
	many = fitDetails(many, minDetails)
	require.Len(t, many, MaxDetails)
	require.Equal(t, 100, many[MaxDetails-1].LeftOut.Count)
	require.Contains(t, many[MaxDetails-1].Value, "100 more values: f99, f100, ")
	require.Contains(t, many[MaxDetails-1].Value, ", f198")
	require.Empty(t, fitDetails(nil, minDetails))

	// A table is dropped before a value is cut, and a value that is cut has no form that is longer than it.
	table := &Table{Columns: []string{"c"}, Rows: slicesOf(300, []string{strings.Repeat("x", 10)})}
	whole := strings.Repeat("x", 3900)
	forms := []Field{{Name: "t", Value: whole, Kind: KindTable, Table: table}, {Name: "m", Value: "*m*", Kind: KindMarkdown}}
	got = fitDetails(forms, 8000)
	require.Equal(t, forms, got)
	got = fitDetails(forms, 5000)
	require.Equal(t, []Field{{Name: "t", Value: whole}, forms[1]}, got)
	got = fitDetails(forms, 2000)
	require.LessOrEqual(t, sizeOfFields(got), 2000)
	require.Contains(t, got[0].Value, "(cut, 3,900 characters)")
	require.NotNil(t, forms[0].Table, "the request is not changed")

	names := fitDetails(slicesOf(100, Field{Name: strings.Repeat("n", 100), Value: strings.Repeat("v", 500)}), 100)
	require.Len(t, names[99].Value, minValue, "names leave a part of the value")
}

func slicesOf[T any](n int, f T) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = f
	}
	return out
}

// A transition that does not fit into a record keeps its decision or request, with short texts.
func TestShortenNewTexts(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("c", 10_000)
	withComment := func(d *Decision) { d.Comment = long }
	o := &Order{ID: "o-1"}
	a, _ := addRequest(t, o, newRequest("t", func(r *Request) { r.Details = []Field{{Name: "d", Value: long}, {Name: "e", Value: long}} }), envAt(0))
	require.True(t, o.ShortenNewTexts())
	require.LessOrEqual(t, sizeOfFields(a.Details), minDetails)
	require.False(t, o.ShortenNewTexts(), "only once")
	requireVerdict(t, o, approveDecision("d", withComment), envAt(1), VerdictDecided)
	require.True(t, o.ShortenNewTexts())
	require.Len(t, a.Votes[0].Comment, shortComment)
	require.True(t, strings.HasSuffix(a.Votes[0].Comment, "c… (cut, 10,000 characters)"))

	early := &Order{ID: "o-1"}
	requireVerdict(t, early, approveDecision("d", withComment), envAt(0), VerdictWaiting)
	require.True(t, early.ShortenNewTexts())
	require.Len(t, early.Unmatched[0].Decision.Comment, shortComment)
}

func TestCutText(t *testing.T) {
	t.Parallel()
	const mark = "… (cut, 60 characters)"
	base := strings.Repeat("a", 20)
	for name, c := range map[string]struct{ in, want string }{
		"accent":          {base + "e\u0301", base},
		"several accents": {base + "e\u0301\u0323\u0327", base},
		"family":          {base + "👩\u200d👩\u200d👧", base},
		"skin":            {base + "👍🏽", base},
		"variant":         {base + "❤\ufe0f", base},
		"flag":            {base + "🇩🇪", base},
		"second flag":     {base[:18] + "🇫🇷🇩🇪", base[:18] + "🇫🇷"},
		"jamo":            {base + "\u1112\u1161\u11ab", base},
		"devanagari":      {base + "न\u093f", base},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := utf8.RuneCountInString(c.in)
			text := c.in + strings.Repeat("z", 60-n)
			for cut := utf8.RuneCountInString(c.want) + 1; cut < n; cut++ {
				require.Equal(t, c.want+mark, CutText(text, cut+utf8.RuneCountInString(mark), 1000), cut)
			}
			require.Equal(t, c.in+mark, CutText(text, n+utf8.RuneCountInString(mark), 1000))
		})
	}
	require.Equal(t, "äö", CutText("äö", 2, 4))
	again := CutText(CutText(strings.Repeat("x", 20_000), 1000, 4000), 500, 4000)
	require.True(t, strings.HasSuffix(again, "x… (cut, 20,000 characters)"), again)
	require.NotContains(t, again[:450], "cut")
}

func TestCutTextKeepsItsLimits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOfN(rapid.SampledFrom([]rune("ab ä本👍\u0301\u200d🇩\n\u1161")), 0, 400, -1).Draw(t, "text")
		if rapid.Bool().Draw(t, "invalid") {
			s += "\xff\xc3" + s
		}
		characters, bytes := rapid.IntRange(40, 300).Draw(t, "characters"), rapid.IntRange(40, 600).Draw(t, "bytes")
		got := CutText(s, characters, bytes)
		if got != s && !cutMark.MatchString(got) {
			t.Fatalf("no mark: %q", got)
		}
		if utf8.RuneCountInString(got) > characters || len(got) > bytes {
			t.Fatalf("%q has %d bytes", got, len(got))
		}
		if utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Fatalf("%q", got)
		}
	})
}
