package web_test

import (
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/config"
	"github.com/approval-relay/approval-relay/details"
	"github.com/approval-relay/approval-relay/expression"
	"github.com/approval-relay/approval-relay/notify/email"
	"github.com/approval-relay/approval-relay/notify/notifytest"
	"github.com/approval-relay/approval-relay/notify/post"
	"github.com/approval-relay/approval-relay/notify/slack"
	"github.com/approval-relay/approval-relay/notify/slack/slacktest"
	"github.com/approval-relay/approval-relay/notify/teams"
	"github.com/approval-relay/approval-relay/notify/teams/teamstest"
	"github.com/approval-relay/approval-relay/preview"
	"github.com/approval-relay/approval-relay/secret"
)

// leaf is a plain value of a random body. Its name occurs once in the body.
type leaf struct {
	names    []string // from the top of the body
	text     string   // as it is shown; empty if there is nothing to show
	isSecret bool
}

// bodies makes random bodies.
type bodies struct {
	*rand.Rand
	next   int
	leaves []leaf
}

// name returns a name that occurs once, in one of the usual spellings.
func (b *bodies) name() string {
	b.next++
	forms := []string{"field%dx", "some_field_%dx", "orderField%dx", "FIELD%dX", "feld-%dx", "größe%dx"}
	return fmt.Sprintf(forms[b.IntN(len(forms))], b.next)
}

// value returns a value and records its leaves.
func (b *bodies) value(names []string, depth int) any {
	b.next++
	switch n := b.IntN(14); {
	case n < 3 && depth < 4:
		return b.object(names, 1+b.IntN(5), depth)
	case n < 5 && depth < 4:
		return b.list(names, depth)
	case n == 5:
		b.leaves = append(b.leaves, leaf{names: names})
		return []any{nil, "", []any{}, map[string]any{}}[b.IntN(4)]
	case n == 6:
		number := json.Number(fmt.Sprintf("%d.50", 1000+b.next))
		b.leaves = append(b.leaves, leaf{names: names, text: number.String()})
		return number
	case n == 7:
		address := fmt.Sprintf("https://files.example.com/%d?a=1&b=2", b.next)
		b.leaves = append(b.leaves, leaf{names: names, text: address})
		return address
	}
	text := fmt.Sprintf("value %d <&> \"%s\"", b.next, strings.Repeat("*x_", b.IntN(40)))
	if b.IntN(10) == 0 {
		text += "\nsecond line " + fmt.Sprint(b.next)
	}
	b.leaves = append(b.leaves, leaf{names: names, text: fmt.Sprintf("value %d ", b.next)})
	return text
}

func (b *bodies) object(names []string, n, depth int) map[string]any {
	object := map[string]any{}
	for range n {
		name := b.name()
		path := append(append([]string{}, names...), name)
		if b.IntN(12) == 0 {
			name = "api" + "Key" + fmt.Sprint(b.next)
			path[len(path)-1] = name
			text := fmt.Sprintf("hunter%d", b.next)
			b.leaves = append(b.leaves, leaf{names: path, text: text, isSecret: true})
			object[name] = text
			continue
		}
		object[name] = b.value(path, depth+1)
	}
	return object
}

// list returns a list of objects with the same members, or of other values.
func (b *bodies) list(names []string, depth int) any {
	var items []any
	if b.IntN(2) == 0 {
		for range 1 + b.IntN(4) {
			items = append(items, b.value(names, depth+1))
		}
		return items
	}
	columns := []string{b.name(), b.name()}
	for range 1 + b.IntN(5) {
		row := map[string]any{}
		for _, c := range columns {
			row[c] = b.value(append(append([]string{}, names...), c), 4)
		}
		items = append(items, row)
	}
	return items
}

var tags = regexp.MustCompile(`(?s)<style>.*?</style>|<[^>]*>`)

// marks are left out of a comparison.
var marks = strings.NewReplacer(" ", "", "\n", "", "_", "", "-", "", "\\", "", ",", "", "\"", "", ">", "", "|", "")

// counted matches the end of a list of names that are too many for a message.
var counted = regexp.MustCompile(`…[0-9]+more`)

// plain returns a text as it is compared: without the marks and the case that people do not compare.
func plain(s string) string { return strings.ToLower(marks.Replace(html.UnescapeString(s))) }

// accounts reports the leaves that a text neither shows nor names. In a message, it is enough that a detail is named that
// has the leaf: the rest of it is on the page.
func accounts(t *testing.T, where, text string, leaves []leaf, isMessage bool) {
	t.Helper()
	text = plain(text)
	isCounted := isMessage && counted.MatchString(text)
	for _, l := range leaves {
		if l.isSecret && strings.Contains(text, plain(l.text)) {
			t.Errorf("%s shows a secret: %v", where, l.names)
		}
		isShown := l.text != "" && !l.isSecret && strings.Contains(text, plain(l.text))
		isNamed := strings.Contains(text, plain(l.names[len(l.names)-1]))
		if isMessage {
			isNamed = isNamed || isCounted || strings.Contains(text, plain(l.names[0]))
		}
		if !isShown && (!isNamed || l.text != "" && !l.isSecret && !isMessage) {
			t.Errorf("%s has neither the value nor the name of %v (%q)\n%s", where, l.names, l.text, text)
			return
		}
	}
}

// surfaces are the places in which people see a request.
type surfaces struct {
	slackServer  *slacktest.Server
	slackChannel *slack.Channel
	workflow     *teamstest.Workflow
	teamsChannel *teams.Channel
	templates    *email.Templates
	config       *config.Config
}

func newSurfaces(t *testing.T) surfaces {
	t.Helper()
	s := surfaces{
		slackServer: slacktest.StartServer(slacktest.User{ID: "U0ALAN", Email: "alan@example.com"}),
		workflow:    teamstest.StartWorkflow(t),
	}
	t.Cleanup(s.slackServer.Close)
	var err error
	s.slackChannel, err = slack.NewChannel(slack.Config{Settings: slack.Settings{
		Token:  secret.New(slacktest.Token),
		APIURL: s.slackServer.APIURL(),
	}})
	require.NoError(t, err)
	s.teamsChannel, err = teams.NewChannel(teams.Config{Config: post.Config{
		URL:           secret.New(s.workflow.URL),
		AllowInternal: true,
		Timeout:       time.Minute,
	}})
	require.NoError(t, err)
	s.templates, err = email.ParseTemplates(email.Source{})
	require.NoError(t, err)
	file := "channels: {log: {log: {}}}\nworkflows: {refunds: {}}\n"
	s.config, _, err = config.Parse("relay.yaml", []byte(file), func(string) string { return "" })
	require.NoError(t, err)
	return s
}

// Every value of a request is on the page, or it is named there as not shown; the same in every message, where a detail that
// does not fit is named, and in the preview.
func TestEveryValueIsAccountedFor(t *testing.T) {
	t.Parallel()
	for part := range uint64(10) {
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			t.Parallel()
			s := newSurfaces(t)
			for seed := part * 100; seed < (part+1)*100 && !t.Failed(); seed++ {
				s.check(t, seed)
			}
		})
	}
}

// check sends a random body to all surfaces.
func (s surfaces) check(t *testing.T, seed uint64) {
	t.Helper()
	b := &bodies{Rand: rand.New(rand.NewPCG(seed, 1))}
	object := b.object(nil, 1+b.IntN(25), 0)
	object["orderId"], object["taskToken"] = "A-1001", "AQC-token"
	text, err := json.Marshal(object)
	require.NoError(t, err)
	decoded, err := expression.DecodeJSON(text)
	require.NoError(t, err)
	w := newWorld(t, func(r *approval.Request) {
		r.Details = details.ReadAll(details.Source{
			Body:    decoded,
			Own:     [][]string{{"orderId"}, {"taskToken"}},
			OrderID: "A-1001",
			Token:   "AQC-token",
		})
	})
	_, page := w.get(token)
	accounts(t, "page", tags.ReplaceAllString(page, " "), b.leaves, false)

	m := notifytest.NewMessage()
	m.Details = w.approval().Details
	mail, err := s.templates.RenderMail(m)
	require.NoError(t, err)
	accounts(t, "text mail", mail.Plain, b.leaves, true)
	accounts(t, "HTML mail", tags.ReplaceAllString(mail.HTML, " "), b.leaves, true)
	m.Approver = "alan@example.com"
	require.NoError(t, s.slackChannel.Notify(t.Context(), m))
	messages := s.slackServer.Messages()
	accounts(t, "Slack", slackText(messages[len(messages)-1]), b.leaves, true)
	require.NoError(t, s.teamsChannel.Notify(t.Context(), m))
	cards := s.workflow.Cards()
	accounts(t, "Teams", cards[len(cards)-1].Text, b.leaves, true)

	p, err := preview.ForRequest(t.Context(), s.config, "refunds", preview.Message{Body: text, SentAt: start})
	require.NoError(t, err)
	shown, err := json.Marshal([]any{p.Details, p.NotShown, p.Empty})
	require.NoError(t, err)
	unescape := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&", `\n`, "")
	accounts(t, "preview", unescape.Replace(string(shown)), b.leaves, false)
	if t.Failed() {
		t.Logf("seed %d: %s", seed, text)
	}
}

func slackText(m slacktest.Message) string {
	var out []string
	for _, block := range m.Blocks {
		if block.Text != nil {
			out = append(out, block.Text.Text)
		}
	}
	return strings.Join(out, "\n")
}
