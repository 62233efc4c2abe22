package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/config"
)

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
	_, _, err := config.Parse("relay.yaml", fmt.Appendf(nil, `channels:
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
`, subject, text, html, dir+"/missing", empty), testenv)
	require.Error(t, err)
	want := `configuration relay.yaml has 14 faults:
  line 2: channels.many: names log and teams; it must be exactly one kind of channel
  line 8: channels.mail.smtp.templates.subject: ` + subject + `, line 1: executing "subject" at <.Titel>: can't evaluate field Titel in type email.Mail
  line 9: channels.mail.smtp.templates.text: ` + text + `, line 3: unexpected EOF
  line 10: channels.mail.smtp.templates.html: ` + html + `, line 2: function "shout" not defined
  line 13: channels.ses.ses.from: "nobody" is not an e-mail address
  line 14: channels.ses.ses.role: must be the ARN of a role, such as arn:aws:iam::111122223333:role/NAME
  line 15: channels.ses.ses.templates.html: ` + empty + ` is empty
  line 15: channels.ses.ses.templates.subject: open ` + dir + `/missing: no such file or directory
  line 17: channels.chat.teams.webhook_url: must be an http or https URL with a host, and without user and fragment
  line 20: channels.events.sns.topic: must be the ARN of a topic, such as arn:aws:sns:eu-west-1:111122223333:NAME
  line 21: channels.events.sns.role: must be the ARN of a role, such as arn:aws:iam::111122223333:role/NAME
  line 22: channels.fifo.sns.topic: is a FIFO topic, to which this channel does not publish
  line 23: channels.set.ses.configuration_set: must be at most 64 characters of A-Z, a-z, 0-9, _ and -
  line 24: channels.clear.teams.webhook_url: must be https, because links are sent there; http is for internal addresses (allow_internal)`
	require.Equal(t, want, err.Error())
}
