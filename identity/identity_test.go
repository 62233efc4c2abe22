package identity_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/identity"
)

// lists are texts in the place of a list of approvers, as forms, spreadsheets and serializers write them.
var lists = map[string][]string{
	"ann@example.com":                                   {"ann@example.com"},
	"ann@example.com, bob@example.com":                  {"ann@example.com", "bob@example.com"},
	"ann@example.com;bob@example.com":                   {"ann@example.com", "bob@example.com"},
	"ann@example.com,\nbob@example.com,\ncid@a.example": {"ann@example.com", "bob@example.com", "cid@a.example"},
	"ann@example.com\r\nbob@example.com\r\n":            {"ann@example.com", "bob@example.com"},
	"ann@example.com bob@example.com":                   {"ann@example.com", "bob@example.com"},
	`["ann@example.com","bob@example.com"]`:             {"ann@example.com", "bob@example.com"},
	`"[\"ann@example.com\",\"bob@example.com\"]"`:       {"ann@example.com", "bob@example.com"},
	`["Krystof, Mia"]`:                                  {"Krystof, Mia"},
	`[]`:                                                nil,
	"Ann Example <ann@example.com>":                     {"ann@example.com"},
	`"Example, Ann" <ann@example.com>, bob@example.com`: {"ann@example.com", "bob@example.com"},
	`A <ann@example.com>; B <bob@example.com>`:          {"ann@example.com", "bob@example.com"},
	"ann@example.com <ann@example.com>":                 {"ann@example.com"},
	"<ann@example.com>":                                 {"ann@example.com"},
	"ann@example.com (Ann)":                             {"ann@example.com"},
	"Ann Example (ann@example.com)":                     {"ann@example.com"},
	"mailto:ann@example.com":                            {"ann@example.com"},
	"MAILTO:ann%2Bwork@example.com?subject=Order":       {"ann+work@example.com"},
	"<mailto:ann@example.com|ann@example.com>":          {"ann@example.com"},
	"'ann@example.com'":                                 {"ann@example.com"},
	`"ann@example.com","bob@example.com"`:               {"ann@example.com", "bob@example.com"},
	"\u00a0ann@example.com\ufeff":                       {"ann@example.com"},
	"group:finance, ann@example.com":                    {"group:finance", "ann@example.com"},
	"group:finance":                                     {"group:finance"},
	"source:erp":                                        {"source:erp"},
	"octocat":                                           {"octocat"},
	"Mia Krystof":                                       {"Mia Krystof"},
	"@mia":                                              {"@mia"},
	"CN=Ann,OU=Sales,DC=example":                        {"CN=Ann,OU=Sales,DC=example"},
	"5b10a2844c20165700ede21g":                          {"5b10a2844c20165700ede21g"},
	"":                                                  {""},
	" , ;":                                              {""},
}

func TestATextWithApproversIsReadAsTheListThatItIs(t *testing.T) {
	t.Parallel()
	for text, want := range lists {
		got, err := identity.ReadList(text)
		require.NoError(t, err, "%q", text)
		require.Equal(t, want, got, "%q", text)
	}
}

// A text that may stand for several people is refused. It never becomes one approver with an impossible name.
func TestAnUnclearListOfApproversIsRefused(t *testing.T) {
	t.Parallel()
	for text, reason := range map[string]string{
		"ann, bob":                               "list",
		"ann\nbob":                               "list",
		"Krystof, Mia <mia@example.com>":         "list", // one person, or the login Krystof and Mia
		"ann@example.com, bob":                   "list",
		"Ann ann@example.com":                    "more than an e-mail address",
		"ann@example.com and bob@example.com":    "more than an e-mail address",
		"ann@example.com/bob@example.com, cid":   "list",
		`{"mail":"ann@example.com"}`:             "other values than texts",
		`[{"mail":"ann@example.com"}]`:           "other values than texts",
		`["ann@example.com"`:                     "not valid JSON",
		`["ann@example.com"] and more`:           "not valid JSON",
		strings.Repeat("ann@example.com,", 5000): "longer than",
	} {
		got, err := identity.ReadList(text)
		require.ErrorContains(t, err, reason, "%.60q: %.60q", text, got)
		require.NotContains(t, err.Error(), "example.com")
	}
}

func TestThePersonIsTheSameInEverySpelling(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"ann@example.com",
		" ann@example.com\n",
		"Ann Example <ann@example.com>",
		`"Example, Ann" <ann@example.com>`,
		"Example, Ann <ann@example.com>",
		"mailto:ann@example.com",
		`"ann@example.com"`,
		`["ann@example.com"]`,
		"arn:aws:sts::111122223333:assumed-role/Dev/ann@example.com",
		"arn:aws-us-gov:sts::111122223333:assumed-role/AWSReservedSSO_Dev_0123456789abcdef/ann@example.com",
		"arn:aws:sts::111122223333:federated-user/ann@example.com",
		"arn:aws:iam::111122223333:user/staff/ann@example.com",
		"AROAEXAMPLEEXAMPLE123:ann@example.com",
		"SMTP:ann@example.com",
		"acct:ann@example.com",
		"user:ann%40example.com",
		"ann@example.com.",
		"ann@example\u3002com",
	} {
		got, err := identity.ReadOne(text)
		require.NoError(t, err, "%q", text)
		require.Equal(t, "ann@example.com", got, "%q", text)
	}
	for _, text := range []string{"ann@b\u00fccher.example", "ann@bu\u0308cher.example", "ann@B\u00dcCHER.example"} {
		got, err := identity.ReadOne(text)
		require.NoError(t, err, "%q", text)
		require.Equal(t, "ann@xn--bcher-kva.example", got, "%q", text)
	}
	composed, err := identity.ReadOne("Andr\u00e9@example.com")
	require.NoError(t, err)
	decomposed, err := identity.ReadOne("Andre\u0301@example.com")
	require.NoError(t, err)
	require.Equal(t, composed, decomposed)
}

// The requester in a spelling that is not understood would be another person, who may decide their own request.
func TestAnAddressInAnUnknownSpellingIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`"ann"@example.com`, `"a\nn"@example.com`, `ann\@example.com`, "ann(comment)@example.com", "(comment)ann@example.com",
		"ann@(comment)example.com", "ann @example.com", "ann@ example.com", "ann @ example.com", "ann@[127.0.0.1]",
		"ann@@example.com", "@ann@example.com", "ann@example.com@", "ann@evil@example.com", "ann%40example.com",
		"ann@example.com/mail", "ann@example.com?subject=x", "ann@example.com:25", "x500:ann@example.com",
		"\uff41nn@example.com", "ann\uff20example.com", "ann\ufe6bexample.com", "\u017fam@example.com",
		"ann@example\u3002com\uff0e", "=?utf-8?q?ann?=@example.com", "=?utf-8?b?YW5uQGV4YW1wbGUuY29t?=",
		"i:0#.f|membership|ann@example.com",
	} {
		got, err := identity.ReadOne(text)
		require.Error(t, err, "%q: %q", text, got)
		list, err := identity.ReadList(text)
		require.Error(t, err, "%q: %q", text, list)
	}
}

// A name without an address is a name, whatever characters it has.
func TestANameStaysAsItIs(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"", "ann", "Krystof, Mia", "Ann & Co; Sales", "CN=Ann,OU=Sales", "arn:aws:sts::111122223333:assumed-role/Dev/ann",
		"arn:aws:iam::111122223333:role/Dev", "source:erp", "api:shop", "O'Brien", "Ann (Sales)", "<@U0123>", "Mia @mia",
	} {
		got, err := identity.ReadOne(name)
		require.NoError(t, err, "%q", name)
		require.Equal(t, name, got)
	}
}

func TestSeveralPeopleAreNotOnePerson(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"ann@example.com, bob@example.com", `["ann@example.com","bob@example.com"]`, "a@example.com, B <bob@example.com>",
		"requested by ann@example.com", "ann@example.com@example.com x",
	} {
		got, err := identity.ReadOne(text)
		require.Error(t, err, "%q: %q", text, got)
	}
}

// The result of reading is read as itself: a record that is read again names the same person.
func FuzzReadingAPersonTwiceChangesNothing(f *testing.F) {
	for text := range lists {
		f.Add(text)
	}
	f.Add("\"'\"'ann@example.com'\"'\"")
	f.Add("0@..")
	f.Fuzz(func(t *testing.T, text string) {
		people, err := identity.ReadList(text)
		if err != nil {
			return
		}
		for _, person := range people {
			again, err := identity.ReadItem(person)
			require.NoError(t, err)
			require.Equal(t, []string{person}, again)
		}
	})
}
