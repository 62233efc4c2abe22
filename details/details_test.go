package details_test

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/details"
	"github.com/approval-relay/approval-relay/language"
)

func reader(tag language.Tag) details.Reader {
	return details.Reader{Words: language.For(tag), Zone: time.UTC}
}

func TestLabels(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/orderTotal":            "Order total",
		"/order_total":           "Order total",
		"/customer/zipCode":      "Customer › Zip code",
		"/HTTPServerURL":         "HTTP server URL",
		"/orderID":               "Order ID",
		"/größe":                 "größe",
		"/a~1b":                  "a/b",
		"/lines2024":             "Lines2024",
		"/billing-address/city":  "Billing address › City",
		"/x\u202ey":              "x�y",
		"/<script>alert(1)":      "<script>alert(1)",
		"/PurchaseOrder/Amount_": "Purchase order › Amount",
	} {
		f := approval.Field{Name: "n", Path: path, IsPath: true}
		require.Equal(t, want, details.Label(&f, "en"), path)
	}
	f := approval.Field{Name: "Total", Label: language.Text{"de": "Summe"}, Path: "/total"}
	require.Equal(t, "Summe", details.Label(&f, "de"))
}

func TestSecretNames(t *testing.T) {
	t.Parallel()
	body := func(name string, v any) map[string]any { return map[string]any{"o": map[string]any{name: v}} }
	isHidden := func(s *details.Secrets, name string, v any) bool {
		fields := details.ReadAll(details.Source{Body: body(name, v), Secrets: s})
		return fields[0].LeftOut != nil && fields[0].LeftOut.Reason == approval.LeftOutSecret && len(fields) == 1
	}
	for _, name := range []string{
		"password", "Passwd", "client_secret", "apiKey", "api-key", "x-api-key", "privateKey", "private_key", "accessToken",
		"authorization", "Authorization", "cardPin", "card_pin", "pin", "PIN", "otpCode", "cvv", "CVC2", "sessionId", "credentials",
		"connectionString", "webhookUrl", "securityCode", "aws_secret_access_key", "Cookie", "jwt", "pwd", "auth", "dsn",
	} {
		require.True(t, isHidden(nil, name, "abc123"), name)
	}
	for _, name := range []string{
		"shipping", "spinning", "pinned", "author", "authorName", "iban", "amount", "keyResult", "tokenCount", "passwordPolicy",
		"compass", "costPin2Pin0x", "secretary_count", "discount", "description", "key", "opinion", "tokenType", "dance",
	} {
		require.False(t, isHidden(nil, name, "abc123"), name)
	}
	require.False(t, isHidden(nil, "maxTokens", int64(512)))
	require.False(t, isHidden(nil, "passwordReset", true))
	require.True(t, isHidden(nil, "pin", int64(1234)))
	for _, value := range []string{
		"-----BEGIN RSA PRIVATE KEY-----\nabc", "Bearer abcdefghijklmnop", "ghp_0123456789abcdefghij",
		"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0abc.sig",
	} {
		fields := details.ReadAll(details.Source{Body: body("note", value)})
		require.NotContains(t, fields[len(fields)-1].Value, value)
	}
	own, err := details.NewSecrets([]string{"*Code", "o.note"}, []string{"apiKey", "o.pin"})
	require.NoError(t, err)
	require.True(t, isHidden(own, "discountCode", "x"))
	require.True(t, isHidden(own, "note", "x"))
	require.False(t, isHidden(own, "APIKEY", "x"))
	require.False(t, isHidden(own, "pin", "x"))
	require.True(t, isHidden(own, "password", "x"))
	_, err = details.NewSecrets([]string{" * "}, nil)
	require.Error(t, err)
}

// An address that could deceive its reader is no link.
func TestLinks(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"https://erp.example.com/invoice/1?a=b&c=d#x", "https://example.com:8443/", "https://a.b.example.co.uk"} {
		link, ok := details.FindLink(good)
		require.True(t, ok, good)
		require.Contains(t, good, link.Host)
	}
	for _, bad := range []string{
		"http://example.com/", "javascript:alert(1)", "https://bank.example@evil.example/", "https://user:pw@example.com/",
		"https://xn--e1awd7f.com/", "https://еxample.com/", "https://example.com/a b", "https://127.0.0.1/", "https://[::1]/",
		"https://2130706433/", "https://0x7f.1/", "https://localhost/", "https://example.com/\"onclick=", "https://example.com/<b>",
		" https://example.com/", "https://exa\u202emple.com/", "https:///example.com", "https://example.com:/",
		"https://example.com/" + strings.Repeat("a", 2000), "data:text/html,x", "//example.com",
	} {
		_, ok := details.FindLink(bad)
		require.False(t, ok, bad)
	}
}

// A detail that was calculated before an edit says so: its value does not agree with the edited request.
func TestOutdatedDetail(t *testing.T) {
	t.Parallel()
	f := approval.Field{Name: "with tax", Value: "571.20", Outdated: true}
	shown := reader("en").ShowField(&f)
	require.Equal(t, "571.20", shown.Text)
	require.Equal(t, "Calculated from the request before it was changed.", shown.Note)
	f.Outdated = false
	require.Empty(t, reader("en").ShowField(&f).Note)
}

func TestKinds(t *testing.T) {
	t.Parallel()
	read := func(spec details.Spec, values details.Values) (details.Shown, approval.Field, string) {
		spec.HasKind = true
		f, note := spec.NewField(values, details.Source{})
		return reader("de").ShowField(&f), f, note
	}
	shown, f, note := read(details.Spec{Kind: approval.KindAmount, Currency: "EUR"}, details.Values{Value: int64(1250)})
	require.Equal(t, "1.250 EUR", shown.Text)
	require.Equal(t, "1250 EUR", f.Value)
	require.Empty(t, note)
	shown, _, _ = read(details.Spec{Kind: approval.KindAmount}, details.Values{Value: map[string]any{"value": "12.50", "currency": "USD"}})
	require.Equal(t, "12,50 USD", shown.Text)
	shown, _, note = read(details.Spec{Name: "A", Kind: approval.KindAmount}, details.Values{Value: "much"})
	require.Equal(t, "much", shown.Text)
	require.Contains(t, note, "detail A is shown as a text")
	shown, _, _ = read(details.Spec{Kind: approval.KindDate}, details.Values{Value: "2026-07-02"})
	require.Equal(t, "Donnerstag, 2. Juli 2026", shown.Text)
	shown, _, _ = read(details.Spec{Kind: approval.KindDifference}, details.Values{Value: "b\nc", Before: "a\nb"})
	require.Equal(t, []details.Line{{Text: "a", IsOld: true}, {Text: "b"}, {Text: "c", IsNew: true}}, shown.Difference)
	require.Equal(t, "- a\n  b\n+ c", shown.Text)
	shown, _, _ = read(details.Spec{Kind: approval.KindDifference}, details.Values{Value: "5", Before: "4"})
	require.Equal(t, "4 → 5", shown.Text)
	file := map[string]any{"url": "https://files.example.com/a/contract.pdf", "size": int64(1234), "contentType": "application/pdf"}
	shown, f, _ = read(details.Spec{Kind: approval.KindDocument}, details.Values{Value: file})
	require.Equal(t, "contract.pdf", shown.File.Name)
	require.Equal(t, "application/pdf, 1.234 Bytes, https://files.example.com/a/contract.pdf", shown.File.Facts)
	require.Equal(t, "https://files.example.com/a/contract.pdf", shown.File.Open)
	require.Contains(t, f.Value, "1234 bytes")
	shown, _, _ = read(details.Spec{Kind: approval.KindPicture}, details.Values{Value: "s3://pictures/a/b.png"})
	require.Equal(t, "b.png", shown.File.Name)
	require.Empty(t, shown.File.Open)
	shown, _, note = read(details.Spec{Kind: approval.KindDocument}, details.Values{Value: "javascript:alert(1)"})
	require.Nil(t, shown.File)
	require.NotEmpty(t, note)
	shown, f, _ = read(details.Spec{}, details.Values{})
	require.Equal(t, approval.FieldNotGiven, f.State)
	require.Equal(t, "(nicht angegeben)", shown.Text)
}

func TestTable(t *testing.T) {
	t.Parallel()
	spec := details.Spec{Name: "Lines", Columns: []string{"sku", "gone"}}
	lines := []any{
		map[string]any{"price": "1.00", "sku": "A", "apiKey": "k"},
		map[string]any{"sku": "B", "note": "a, b"},
	}
	f, _ := spec.NewField(details.Values{Value: lines}, details.Source{})
	require.Equal(t, approval.KindTable, f.Kind)
	require.Equal(t, []string{"sku", "note", "price"}, f.Table.Columns)
	require.Equal(t, [][]string{{"A", "", "1.00"}, {"B", "a, b", ""}}, f.Table.Rows)
	require.Equal(t, "price: 1.00, sku: A\nnote: \"a, b\", sku: B\n(not shown: 1 value of the request: [0].apiKey)", f.Value)
}

// The values that configured details leave out are named, also within a list of which they show a part.
func TestRest(t *testing.T) {
	t.Parallel()
	body := map[string]any{
		"total":    "480.00",
		"items":    []any{map[string]any{"sku": "A-77", "price": "9.99"}},
		"customer": map[string]any{"name": "ACME", "vip": true},
		"empty":    nil,
	}
	source := details.Source{Body: body}
	specs := []details.Spec{
		{Name: "Total", Source: `string(body.total) + " EUR"`},
		{Name: "Items", Source: `body.items.map(i, i.sku)`},
		{Name: "Name", Source: `body.customer.name`},
	}
	var fields []approval.Field
	for i, v := range []any{"480.00 EUR", []any{"A-77"}, "ACME"} {
		f, _ := specs[i].NewField(details.Values{Value: v}, source)
		fields = append(fields, f)
	}
	notes := details.ReadRest(source, specs, fields)
	require.Len(t, notes, 1)
	require.Equal(t, []string{"customer.vip", "items.price"}, notes[0].LeftOut.Names)
	require.Equal(t, "/customer/name", fields[2].Path)
	require.Empty(t, fields[1].Path)
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	blocks := details.ParseMarkdown("# Title\n\nSome **bold** and *soft* `co*de`, snake_case_name, 2 * 3 * 4.\n\n- one\n- two\n  more\n" +
		"3. three\n\n> quoted\n\n```go\nx := 1\n```\n---\n[Invoice](https://erp.example.com/1) [bad](javascript:alert(1)) <b>x</b>")
	kinds := make([]details.BlockKind, 0, len(blocks))
	for _, b := range blocks {
		kinds = append(kinds, b.Kind)
	}
	require.Equal(t, []details.BlockKind{"heading", "paragraph", "list", "quote", "code", "rule", "paragraph"}, kinds)
	require.Equal(t, []details.Span{
		{Text: "Some "},
		{Text: "bold", Strong: true},
		{Text: " and "},
		{Text: "soft", Emphasis: true},
		{Text: " "},
		{Text: "co*de", Code: true},
		{Text: ", snake_case_name, 2 * 3 * 4."},
	}, blocks[1].Spans)
	require.Equal(t, "3.", blocks[2].Items[2].Mark)
	require.Equal(t, "go\nx := 1", blocks[4].Text)
	last := blocks[6].Spans
	require.Equal(t, "erp.example.com", last[0].Link.Host)
	require.Equal(t, " [bad](javascript:alert(1)) <b>x</b>", last[1].Text)
}

// lettersOf returns the letters and digits of a text.
func lettersOf(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
}

// FuzzMarkdown checks that no letter or digit of a text is lost, and that every link is safe.
func FuzzMarkdown(f *testing.F) {
	for _, seed := range []string{
		"# a\n\n**b** [c](https://d.example.com/e)", "```x\ny", "- a\n  - b\n\t1. c", "\\*a\\*", "***a**_b_*", "`` ` ``", "> > a",
		"https://a.example.com/x_y_ https://b.example.com.", "![p](https://a.example.com/b.png)", strings.Repeat("*a", 50), "1) x\n~~~ a\nb ~~~",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		var out strings.Builder
		spans := func(all []details.Span) {
			for _, s := range all {
				out.WriteString(s.Text)
				if s.Link != nil {
					if _, ok := details.FindLink(s.Link.URL); !ok || s.Link.Host == "" {
						t.Errorf("a link to %q", s.Link.URL)
					}
					if s.Text != s.Link.URL {
						out.WriteString(s.Link.URL)
					}
				}
			}
		}
		for _, b := range details.ParseMarkdown(source) {
			spans(b.Spans)
			for _, item := range b.Items {
				out.WriteString(item.Mark)
				spans(item.Spans)
			}
			out.WriteString(b.Text)
		}
		if lettersOf(out.String()) != lettersOf(cleaned(source)) {
			t.Errorf("%q became %q", source, out.String())
		}
	})
}

// cleaned returns a text as the parser reads it.
func cleaned(s string) string {
	f := approval.Field{Name: "n", Value: "x" + s + "x"}
	text := reader("en").ShowField(&f).Text
	return text[1 : len(text)-1]
}

// FuzzTable checks that a list is shown whole: as a table, its cells have every text.
func FuzzTable(f *testing.F) {
	f.Add("sku", "A", "price", "1.00")
	f.Add("", "a\nb", "x", "")
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string) {
		list := []any{map[string]any{name1: value1, name2: value2}, map[string]any{name2: value1}}
		field, _ := details.Spec{}.NewField(details.Values{Value: list}, details.Source{})
		if field.Table == nil {
			return
		}
		for _, row := range field.Table.Rows {
			if len(row) != len(field.Table.Columns) {
				t.Fatalf("%q has other columns than %q", row, field.Table.Columns)
			}
		}
		if shown := reader("en").ShowField(&field); len(shown.Table.Rows) != 2 {
			t.Errorf("%v", shown.Table)
		}
	})
}
