package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// command runs the program's command line.
func command(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, testenv, strings.NewReader(""), &out, &errs)
	return status, out.String(), errs.String()
}

// What check config says of a file: every fault, with line and field, and never
// a value that may be a secret.
func TestCheckConfig(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, want string }{
		"what does not fit": {
			`log: {level: 3s, colour: red}
public: [a, b]
operator:
  listen: 127.0.0.1:9090
  open_metrics: maybe
  tokens: {ops: [secret-in-a-list]}
workflows:
  orders:
    deadline: soon
    policy: all
    requests:
      sqs: {queue: q, pollers: many, speed: 1}
      fields: {order: {cel: body.id}}
    notify: {mail: true}
channels:
  mail: {smtp: {host: h, port: "25x", password: "${NO_SUCH_THING}"}}
store: {sqlite: }
`, `has 11 fault(s):
  line 1: log.colour: unknown field
  line 2: public: is no mapping of fields
  line 5: operator.open_metrics: is no true or false
  line 6: operator.tokens.ops: a secret is a text or {file: PATH}
  line 9: workflows.orders.deadline: is no duration, such as 90s or 24h
  line 12: workflows.orders.requests.sqs.pollers: is no number
  line 12: workflows.orders.requests.sqs.speed: unknown field
  line 13: workflows.orders.requests.fields.order: a field is one CEL expression or a list of them
  line 14: workflows.orders.notify: is no list
  line 16: ${NO_SUCH_THING}: the environment has no such variable, or it is empty
  line 16: channels.mail.smtp.port: is no number
`,
		},
		"a table and memory":     {"store: {memory: true, dynamodb: {table: orders}}\n", "has 1 fault(s):\n  line 1: store: is dynamodb or memory, not both\n"},
		"a table without a name": {"store: {dynamodb: {create: true}}\n", "has 1 fault(s):\n  line 1: store.dynamodb.table: is missing: the name of the table\n"},
		"what makes no sense": {
			`log: {level: loud}
public: {listen: 127.0.0.1:8080, url: "ftp://relay.example"}
operator: {listen: 127.0.0.1:8080, tokens: {ops: too-short}}
workflows:
  Orders: {notify: [pigeon], sources: [nobody]}
  good:
    requests:
      fields: {order: "body.", colour: body.x}
      details: {Total: total}
    policy: {quorum: 0}
    heartbeat: 1ms
    reminders: [2h, {before: 1ms}, {}]
    callback:
      token_target: web
      on_reject: shrug
      output: {approved: true}
      output_fields: {Status: body.s, total: body.total}
      retry: {base: 2s, cap: 1s}
decisions:
  sns: {topic: not-an-arn, sqs: {queue: q, dead_letter_queue: q, visibility: 1s}}
webhooks:
  sns: {bearer: {tokens: [abcdefghijklmnop]}, hmac: {secrets: [abcdefghijklmnop]}}
  std: {standard: {secrets: [not-base64-secret-value]}, filter: bodi.x}
channels:
  mail: {smtp: {from: nobody, tls: maybe}}
targets:
  web: {http: {secrets: []}}
shutdown: {timeout: 1ms}
`, `has 31 fault(s):
  line 1: log.level: "loud" is not one of debug, info, warn, error
  line 2: public.url: is no http or https URL with a host
  line 3: operator.listen: is the public address: operator routes must not be on it
  line 3: operator.tokens.ops: has fewer than 16 characters
  line 5: workflows.Orders: a name has 1 to 63 of a-z, 0-9, _ and -, and begins with a letter or digit
  line 5: workflows.Orders.sources: number 1, "nobody", is no decision source: see decisions and webhooks, or api; or none alone
  line 5: workflows.Orders.notify: "pigeon" is no channel
  line 8: workflows.good.requests.fields.colour: unknown field; there are approvers, callback, deadline, execution, order, requester, started, step, timeout, title, token
  line 8: workflows.good.requests.fields.order: expression "body.": 1:6: Syntax error: no viable alternative at input '.'
  line 9: workflows.good.requests.details.Total: expression "total": 1:1: undeclared reference to 'total' (in container '')
  line 10: workflows.good.policy: a quorum is at least 1
  line 11: workflows.good.heartbeat: is 1ms, the least is 1s
  line 12: workflows.good.reminders[1]: is 1ms, the least is 1s
  line 12: workflows.good.reminders[2]: needs one of after and before
  line 14: workflows.good.callback.token_target: "web" is no target of task tokens
  line 15: workflows.good.callback.on_reject: "shrug" is not one of failure, success
  line 16: workflows.good.callback.output: output: "approved" is a name of the answer itself
  line 17: workflows.good.callback.output_fields: output: "Status" is a name of the answer itself
  line 18: workflows.good.callback.retry.cap: is 1s, the least is 2s
  line 20: decisions.sns.topic: is no ARN of a topic
  line 20: decisions.sns.sqs.dead_letter_queue: is the queue itself
  line 20: decisions.sns.sqs.visibility: must be 2s to 12h
  line 22: webhooks.sns: is the name of another source
  line 22: webhooks.sns: needs exactly one of hmac, bearer, standard, github, slack, stripe, sns and client_certificate, to verify what is sent
  line 23: webhooks.std: secret 1: is not whsec_ and base64
  line 23: webhooks.std.filter: expression "bodi.x": 1:1: undeclared reference to 'bodi' (in container '')
  line 25: channels.mail.smtp.tls: "maybe" is not one of starttls, tls, none
  line 25: channels.mail.smtp.host: is missing
  line 25: channels.mail.smtp.from: is no address
  line 27: targets.web.http.secrets: are missing: callbacks are signed
  line 28: shutdown.timeout: is 1ms, the least is 1s
`,
		},
		"people": {
			`channels: {mail: {log: {}}, chat: {log: {}}}
groups: {finance: [ann, "group:x"], "Big Ones": [bob]}
people:
  ann: {notify: [pigeon], away: [{from: 2026-12-20, until: 2026-12-20T01:00:00+01:00, cover: []}]}
workflows:
  orders:
    approvers: ["group:finance", "group:nobody"]
    notify: [mail]
    fallback: [sms]
    events: [bus]
    unheard: shout
    escalations:
      - {after: 4h, before: 1h, to: [boss]}
      - {after: 4h}
      - {before: 1h, to: ["group:boss"]}
`, `has 12 fault(s):
  line 2: groups.Big Ones: a name has 1 to 63 of a-z, 0-9, _ and -, and begins with a letter or digit
  line 2: groups.finance: "group:x": a group has no groups in it
  line 4: people.ann.notify: "pigeon" is no channel
  line 4: people.ann.away[0]: until is not after from
  line 4: people.ann.away[0].cover: names nobody
  line 7: workflows.orders.approvers: "nobody" is no group
  line 9: workflows.orders.fallback: "sms" is no channel
  line 10: workflows.orders.events: "bus" is no channel
  line 11: workflows.orders.unheard: "shout" is not one of wait, escalate, cancel
  line 13: workflows.orders.escalations[0]: needs one of after and before
  line 14: workflows.orders.escalations[1].to: names nobody
  line 15: workflows.orders.escalations[2].to: "boss" is no group
`,
		},
		"tracing": {
			`tracing:
  sample_ratio: .nan
  service_name: ""
  otlp:
    endpoint: collector:4318
    headers: {"bad name": abc, empty: "", odd: "a\nb", good: "Bearer x"}
`, `has 6 fault(s):
  line 2: tracing.sample_ratio: is NaN, must be 0 to 1
  line 3: tracing.service_name: is empty
  line 5: tracing.otlp.endpoint: is no http or https URL with a host
  line 6: tracing.otlp.headers.bad name: is no name of a header
  line 6: tracing.otlp.headers.empty: is empty, or has what no header can have
  line 6: tracing.otlp.headers.odd: is empty, or has what no header can have
`,
		},
		"no YAML": {"log: {}\nkey: {secret: abc\n", `has 1 fault(s):
  line 2: (file): is no YAML: could not find flow mapping end token '}'
`},
		"two documents": {"log: {}\n---\nlog: {}\n", `has 1 fault(s):
  (file): has more than one document
`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "relay.yaml")
			require.NoError(t, os.WriteFile(file, []byte(c.file), 0o600))
			status, stdout, stderr := command(t, "check", "config", file)
			require.Equal(t, 1, status)
			require.Empty(t, stdout)
			require.Equal(t, c.want, strings.TrimPrefix(stderr, "approval-relay: configuration "+file+" "))
		})
	}
}

func TestCheckConfigGood(t *testing.T) {
	t.Parallel()
	file := newPlace(t).file(t, true, "")
	status, stdout, stderr := command(t, "check", "config", file)
	require.Equal(t, 0, status, stderr)
	require.Equal(t, file+" is good: 1 workflow(s), 2 decision topic(s), 5 webhook(s), 1 channel(s), 2 target(s)\n", stdout)

	status, _, stderr = command(t, "check", "config", file+".not")
	require.Equal(t, 1, status)
	require.Contains(t, stderr, "no such file")
}

// A secret that begins with what means something in YAML is a fault whose text
// would have the rest of it.
func TestNoFaultQuotesASecret(t *testing.T) {
	t.Parallel()
	for _, begin := range []string{"", "*", "|", ">", "&", "!", "%", "@", "`", "'", `"`, "[", "{", "? ", "- ", "#", "<<: ", "!!int ", "*a: "} {
		for _, file := range []string{"channels: {mail: {smtp: {host: h, from: a@b.c, username: u, password: %sn0t-t0-be-sh0wn}}}", "operator:\n  tokens:\n    ops: %sn0t-t0-be-sh0wn\n"} {
			_, err := parse("relay.yaml", []byte(strings.Replace(file, "%s", begin, 1)), testenv)
			if err != nil && strings.Contains(err.Error(), "n0t-t0") {
				t.Errorf("%s: %v", begin, err)
			}
		}
	}
}
