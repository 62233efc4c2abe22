package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/metrics"
	"github.com/approval-relay/approval-relay/notify/notifytest"
	"github.com/approval-relay/approval-relay/notify/ses/sestest"
)

var (
	yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	fileBlock = regexp.MustCompile("(?s)`(mail/[a-z]+\\.tmpl)`:\n\n```\n(.*?)```")
)

// TestChannelsPage runs check config on every example of docs/channels.md, with
// the templates that the page shows.
func TestChannelsPage(t *testing.T) {
	b, err := os.ReadFile("../../docs/channels.md")
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	require.NoError(t, os.Mkdir("mail", 0o700))
	files := fileBlock.FindAllStringSubmatch(string(b), -1)
	require.Len(t, files, 3)
	for _, f := range files {
		require.NoError(t, os.WriteFile(f[1], []byte(f[2]), 0o600))
	}
	environment := map[string]string{
		"SMTP_PASSWORD": "password", "SLACK_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "0123456789abcdef0123", "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/x", "TEAMS_URL": "https://example.com/workflows/1?sig=1", "WEBHOOK_SECRET": "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz",
	}
	examples := yamlBlock.FindAllStringSubmatch(string(b), -1)
	var has []string
	for _, example := range examples {
		c, err := parse("docs/channels.md", []byte(example[1]), func(name string) string { return environment[name] })
		require.NoError(t, err, example[1])
		for _, ch := range c.Channels {
			has = append(has, chosen[channelKind](ch)[0].name)
		}
	}
	for f := range reflect.TypeFor[ChannelConfig]().Fields() {
		require.Contains(t, has, f.Tag.Get("yaml"), "an example")
	}
}

// TestChannelFaults holds that a fault of a channel is told with its line, its
// field and, in a template, the template's line; and no secret is.
func TestChannelFaults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	subject, text, empty := write("subject", "{{.Titel}}"), write("text", "a\n\n{{range .Details}}"), write("empty", "")
	html := write("html", "<p>\n{{.Title | shout}}</p>")
	_, err := parse("relay.yaml", []byte(fmt.Sprintf(`channels:
  many: {log: {}, teams: {webhook_url: "https://example.com/s3cret"}}
  mail:
    smtp:
      host: localhost
      from: a@example.com
      templates:
        subject: %s
        text: %s
        html: %s
  ses:
    ses:
      from: nobody
      role: arn:aws:iam::111122223333:user/mail
      templates: {subject: %s, html: %s}
  chat:
    teams: {webhook_url: "s3cret"}
  events:
    sns:
      topic: approvals
      role: me
  fifo: {sns: {topic: "arn:aws:sns:eu-west-1:111122223333:approvals.fifo"}}
  set: {ses: {from: a@example.com, configuration_set: a b}}
  clear: {teams: {webhook_url: "http://example.com/s3cret"}}
  near: {webhook: {url: "http://10.0.0.1/", secrets: ["whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"], allow_internal: true}}
`, subject, text, html, dir+"/missing", empty)), testenv)
	require.Error(t, err)
	want := `configuration relay.yaml has 14 fault(s):
  line 2: channels.many: needs exactly one of log, smtp, ses, slack, teams, webhook and sns
  line 8: channels.mail.smtp.templates.subject: ` + subject + `, line 1: executing "subject" at <.Titel>: can't evaluate field Titel in type email.Mail
  line 9: channels.mail.smtp.templates.text: ` + text + `, line 3: unexpected EOF
  line 10: channels.mail.smtp.templates.html: ` + html + `, line 2: function "shout" not defined
  line 13: channels.ses.ses.from: is no address
  line 14: channels.ses.ses.role: is no ARN of a role
  line 15: channels.ses.ses.templates.subject: open ` + dir + `/missing: no such file or directory
  line 15: channels.ses.ses.templates.html: ` + empty + ` is empty
  line 17: channels.chat.teams.webhook_url: is no http or https URL with a host
  line 20: channels.events.sns.topic: is no ARN of a topic
  line 21: channels.events.sns.role: is no ARN of a role
  line 22: channels.fifo: topic: is a FIFO topic, which this channel does not publish to
  line 23: channels.set: configuration_set: has other characters than A-Z, a-z, 0-9, _ and -, or more than 64
  line 24: channels.clear.teams.webhook_url: must be https, as links go there; http is for internal addresses (allow_internal)`
	require.Equal(t, want, err.Error())
}

// TestRole holds that a channel with a role sends as that role.
func TestRole(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "OWNKEY")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "own-secret")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	mail := sestest.Start(t)
	var signers []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signers = append(signers, signer(r))
		if r.URL.Path != "/" {
			mail.ServeHTTP(w, r)
			return
		}
		if r.FormValue("RoleArn") != "arn:aws:iam::111122223333:role/mail" {
			t.Errorf("asked for %v", r.Form)
		}
		_, _ = fmt.Fprint(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>`+
			`<AccessKeyId>ROLEKEY</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey><SessionToken>t</SessionToken>`+
			`<Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`)
	}))
	defer server.Close()
	c, err := parse("relay.yaml", []byte(`aws: {region: us-east-1, endpoint: "`+server.URL+`"}
channels: {mail: {ses: {from: relay@example.com, region: eu-west-1, role: "arn:aws:iam::111122223333:role/mail"}}}
`), testenv)
	require.NoError(t, err)
	ch, err := c.Channels["mail"].channel("channels.mail", makers{config: c, aws: newClouds(t.Context(), c.AWS, metrics.New(prometheus.NewRegistry(), metrics.Config{})).at})
	require.NoError(t, err)
	for range 2 {
		require.Equal(t, approval.ResultOK, approval.ResultOf(ch.Notify(t.Context(), notifytest.Message())).Kind)
	}
	require.Equal(t, []string{"OWNKEY/eu-west-1/sts", "ROLEKEY/eu-west-1/ses", "ROLEKEY/eu-west-1/ses"}, signers)
	require.Len(t, mail.Emails(), 2)
}

// signer returns key, region and service of a signature (Signature Version 4).
func signer(r *http.Request) string {
	_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	if parts := strings.Split(scope, "/"); len(parts) > 3 {
		return parts[0] + "/" + parts[2] + "/" + parts[3]
	}
	return "unsigned"
}
