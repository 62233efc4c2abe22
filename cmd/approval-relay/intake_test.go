package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"
)

// intakeConfig is a configuration with default fields, and a person with names in other systems.
const intakeConfig = `
log: {format: text, level: debug}
public: {listen: "localhost:0", url: "http://relay.test"}
operator: {listen: 127.0.0.1:0, tokens: {ops: "${OPERATOR}"}, api_tokens: {shop: {token: ` + programSecret + `, decides_own: true}}}
store: {memory: true}
keys: {file: %q}
aws: {region: us-east-1, endpoint: %q}
people:
  ann@example.com: {aliases: [5b10a2844c20165700ede21g, ann-e]}
groups: {finance: ["Ann Example <ann@example.com>", bob@example.com]}
workflows:
  orders: {requests: {sqs: {queue: requests, dead_letter_queue: requests-dead}}}
  named: {approvers: [boss@example.com]}
  grouped: {approvers: ["group:finance"]}
  added: {approvers: [boss@example.com], requests: {fields: {approvers: body.approvers}}}
webhooks:
  jira:
    hmac: {prefix: "sha256=", secrets: ["${HUB}"]}
    filter: body.changelog.items.exists(i, i.field == "status" && i["toString"] in ["Approved", "Rejected"])
    fields: {id: body.changelog.id, order: body.issue.fields.customfield_10050, outcome: body.issue.fields.status.name, by: body.user.accountId}
`

// startIntake runs a relay with intakeConfig.
func startIntake(t *testing.T) *running {
	t.Helper()
	p := newPlace(t)
	file := filepath.Join(p.dir, "intake.yaml")
	text := fmt.Sprintf(intakeConfig, filepath.Join(p.dir, "keys"), p.aws.URL())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p.start(t, file)
}

// readCase returns a message as a real sender wrote it, with a new token.
func (r *running) readCase(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "intake", name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "{{TOKEN}}", r.aws.StepFunctions.OpenTask(time.Hour, 0))
}

// request posts a request to a workflow.
func (r *running) request(t *testing.T, workflow, body string) reply {
	t.Helper()
	return r.program(t, "/v1/requests?workflow="+workflow, body)
}

// decide decides by the API.
func (r *running) decide(t *testing.T, order, by string) reply {
	t.Helper()
	return r.program(t, "/v1/orders/"+url.PathEscape(order)+"/decisions", fmt.Sprintf(`{"decision":"approve","decidedBy":%q}`, by))
}

// approvers returns the IDs of the approvers of an order's last approval.
func (r *running) approvers(t *testing.T, order string) []string {
	t.Helper()
	o := r.order(t, order)
	if o == nil || len(o.Approvals) == 0 {
		t.Fatalf("order %s is not there", order)
	}
	ids := []string{}
	for _, p := range o.Approvals[len(o.Approvals)-1].Approvers {
		ids = append(ids, p.ID)
	}
	return ids
}

// Approvers in one text are asked and may decide, each by their address.
func TestApproversInOneTextMayDecide(t *testing.T) {
	r := startIntake(t)
	for i, body := range strings.Split(strings.TrimSpace(r.readCase(t, "approvers-as-one-text.ndjson")), "\n") {
		if got := r.request(t, "orders", body); got.status != http.StatusAccepted {
			t.Fatalf("%s: %d %s", body, got.status, got.text)
		}
		order := fmt.Sprintf("A-%d", i)
		for _, id := range r.approvers(t, order) {
			if !slices.Contains([]string{"ann@example.com", "bob@example.com", "cid@example.com"}, id) {
				t.Errorf("%s: asked %q", body, id)
			}
		}
		if got := r.decide(t, order, "ann@example.com"); got.status != http.StatusOK {
			t.Errorf("%s: ann: %d %s", body, got.status, got.text)
		}
	}
	for _, unclear := range []string{`"ann, bob"`, `"Krystof, Mia <mia@example.com>"`, `"[{\"mail\":\"ann@example.com\"}]"`, `""`, `[]`, `null`} {
		body := fmt.Sprintf(`{"orderId":"B-1","taskToken":"AQC","approvers":%s}`, unclear)
		got := r.request(t, "orders", body)
		if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.text, "approvers: ") {
			t.Errorf("%s: %d %s", unclear, got.status, got.text)
		}
	}
}

// The requester does not approve their own request, however the request and the decision spell the name.
func TestTheRequesterIsRecognisedInEverySpelling(t *testing.T) {
	r := startIntake(t)
	bodies := []string{r.readCase(t, "requester-with-name.json"), r.readCase(t, "requester-arn.json")}
	for i, requester := range []string{
		"mailto:ann@example.com", "ANN@EXAMPLE.COM", `["ann@example.com"]`, "ann-e", "5B10A2844C20165700EDE21G",
		"AROAEXAMPLEEXAMPLE123:ann@example.com",
	} {
		body, _ := json.Marshal(map[string]any{
			"orderId": fmt.Sprintf("A-%d", i+3), "taskToken": "AQC", "requester": requester,
			"approvers": "ann@example.com, bob@example.com",
		})
		bodies = append(bodies, string(body))
	}
	for i, body := range bodies {
		order := fmt.Sprintf("A-%d", i+1)
		if got := r.request(t, "orders", body); got.status != http.StatusAccepted {
			t.Fatalf("%s: %d %s", body, got.status, got.text)
		}
		for _, by := range []string{
			"ann@example.com", "Ann Example <ann@example.com>", "mailto:Ann@example.com", "ann-e", "5b10a2844c20165700ede21g",
			"arn:aws:sts::111122223333:assumed-role/Dev/ann@example.com",
		} {
			if got := r.decide(t, order, by); got.status != http.StatusForbidden || got.body["verdict"] != "requester" {
				t.Errorf("%s: %s: %d %s", body, by, got.status, got.text)
			}
		}
		if got := r.decide(t, order, "Bob <bob@example.com>"); got.status != http.StatusOK {
			t.Errorf("%s: bob: %d %s", body, got.status, got.text)
		}
		if by := r.order(t, order).Approvals[0].Votes[0].DecidedBy; by != "bob@example.com" {
			t.Errorf("recorded under %q", by)
		}
	}
}

// An order ID is the same with composed and decomposed letters, and with white space around it.
func TestOrderIDsThatLookTheSameAreTheSame(t *testing.T) {
	r := startIntake(t)
	if got := r.request(t, "orders", r.readCase(t, "order-id-composed.json")); got.status != http.StatusAccepted {
		t.Fatalf("%d %s", got.status, got.text)
	}
	if got := r.decide(t, norm.NFD.String("Größe-1"), "ann"); got.status != http.StatusOK {
		t.Errorf("decomposed: %d %s", got.status, got.text)
	}
	for i, around := range []string{"%s ", "\n%s", "\u00a0%s\t", "\ufeff%s"} {
		id := fmt.Sprintf("A-%d", i)
		body, _ := json.Marshal(map[string]any{"orderId": fmt.Sprintf(around, id), "taskToken": "AQC"})
		if got := r.request(t, "orders", string(body)); got.status != http.StatusAccepted || got.body["orderId"] != id {
			t.Errorf("%q: %d %s", around, got.status, got.text)
		}
		if o := r.order(t, fmt.Sprintf(around, id)); o == nil || o.OrderID != id {
			t.Errorf("%q is not shown", around)
		}
		if got := r.decide(t, fmt.Sprintf(around, id), "ann"); got.status != http.StatusOK {
			t.Errorf("%q: %d %s", around, got.status, got.text)
		}
	}
}

// Every order ID can be used in a path. The IDs that a path cannot contain are refused when they come.
func TestOrderIDsInPaths(t *testing.T) {
	r := startIntake(t)
	var ids []string
	if err := json.Unmarshal([]byte(r.readCase(t, "order-ids.json")), &ids); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		body, _ := json.Marshal(map[string]any{"orderId": id, "taskToken": "AQC"})
		got := r.request(t, "orders", string(body))
		if id == "." || id == ".." || id == "/" {
			if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.text, "order: ") {
				t.Errorf("%q: %d %s", id, got.status, got.text)
			}
			continue
		}
		if got.status != http.StatusAccepted {
			t.Errorf("%q: %d %s", id, got.status, got.text)
		}
		if got := r.decide(t, id, "ann"); got.status != http.StatusOK {
			t.Errorf("%q: %d %s", id, got.status, got.text)
		}
		if o := r.order(t, id); o == nil || o.OrderID != id {
			t.Errorf("%q is not shown: %v", id, o)
		}
	}
}

// A user of Jira whose address is hidden decides by the account ID, under the name by which requests ask them.
func TestAnAccountIDDecidesForItsPerson(t *testing.T) {
	r := startIntake(t)
	for order, approver := range map[string]string{"A-1000": "ann@example.com", "A-1001": "5b10a2844c20165700ede21g"} {
		body := fmt.Sprintf(`{"orderId":%q,"taskToken":"AQC-%s","approvers":[%q]}`, order, order, approver)
		if got := r.request(t, "orders", body); got.status != http.StatusAccepted {
			t.Fatalf("%d %s", got.status, got.text)
		}
		if ids := r.approvers(t, order); !slices.Equal(ids, []string{"ann@example.com"}) {
			t.Fatalf("approvers %q", ids)
		}
	}
	jira := r.readCase(t, "jira.json")
	got := do(t, "POST", r.public+"/webhooks/jira", jira, "X-Signature-256", sign(jira))
	if got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.text)
	}
	a := r.order(t, "A-1001").Approvals
	if by := a[len(a)-1].Votes[0].DecidedBy; by != "ann@example.com" {
		t.Errorf("recorded under %q", by)
	}
}

// A token that was changed on its way becomes a dead letter within a second, and nobody is asked in vain.
func TestAChangedTokenIsRefusedWhenItComes(t *testing.T) {
	r := startIntake(t)
	const token = "AQCEAAAAKgAAAAMAAAAAAAAAAXk+q/Zs8+7abc="
	for text, reason := range map[string]string{
		strings.ReplaceAll(token, "+", " "): "space where a + was",
		url.QueryEscape(token):              "percent-escapes",
	} {
		body := fmt.Sprintf(`{"orderId":"A-1","taskToken":%q}`, text)
		got := r.request(t, "orders", body)
		if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.text, reason) || strings.Contains(got.text, "AQCE") {
			t.Errorf("%d %s", got.status, got.text)
		}
		r.aws.SQS.PutMessage("requests", body, nil)
	}
	eventually(t, "both are dead letters", func() bool { return deadLetters(r) == 2 })
}

// The data that a state machine sends along does not choose who decides.
func TestDataWithinARequestIsNoAuthority(t *testing.T) {
	r := startIntake(t)
	attack := func(order string) string {
		return `{"taskToken":"AQC-` + order + `","approvalRequest":{"orderId":"` + order + `","total":99999,` +
			`"approvers":["mallory@evil.example"],"requester":"boss@example.com","deadline":"2020-01-01T00:00:00Z",` +
			`"timeoutSeconds":1},"order":{"managerEmail":"mallory@evil.example"}}`
	}
	for workflow, want := range map[string][]string{
		"named":   {"boss@example.com"},
		"grouped": {"ann@example.com", "bob@example.com"},
		"added":   {"boss@example.com"},
		"orders":  {},
	} {
		if got := r.request(t, workflow, attack("M-"+workflow)); got.status != http.StatusAccepted {
			t.Fatalf("%s: %d %s", workflow, got.status, got.text)
		}
		if ids := r.approvers(t, "M-"+workflow); !slices.Equal(ids, want) {
			t.Errorf("%s: approvers %q", workflow, ids)
		}
		o := r.order(t, "M-"+workflow)
		notes := 0
		for _, e := range o.History {
			if e.Kind == "reading_note" && strings.Contains(e.Note, "is not used") && !strings.Contains(e.Note, "mallory") {
				notes++
			}
		}
		if want := map[bool]int{true: 3, false: 4}[workflow == "added"]; notes != want { // it names its own place of approvers
			t.Errorf("%s: the history has %d notes", workflow, notes)
		}
		a := o.Approvals[0]
		if a.Requester != "" || time.Until(a.Deadline) < 23*time.Hour {
			t.Errorf("%s: requester %q, deadline %s", workflow, a.Requester, a.Deadline)
		}
	}
	if got := r.decide(t, "M-named", "mallory@evil.example"); got.status != http.StatusForbidden {
		t.Errorf("mallory: %d %s", got.status, got.text)
	}
	// At the top of the message, the names of the configuration stay, and others are added only where it says so.
	top := `{"taskToken":"AQC-%[1]s","orderId":"T-%[1]s","approvers":["mallory@evil.example"],"requester":"boss@example.com"}`
	for workflow, want := range map[string][]string{
		"grouped": {"ann@example.com", "bob@example.com"},
		"added":   {"mallory@evil.example"},
		"orders":  {"mallory@evil.example"},
	} {
		if got := r.request(t, workflow, fmt.Sprintf(top, workflow)); got.status != http.StatusAccepted {
			t.Fatalf("%s: %d %s", workflow, got.status, got.text)
		}
		if ids := r.approvers(t, "T-"+workflow); !slices.Equal(ids, want) {
			t.Errorf("%s: approvers %q", workflow, ids)
		}
	}
	got := r.request(t, "named", fmt.Sprintf(top, "named"))
	if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.text, "name only the requester") {
		t.Errorf("the requester is the only approver: %d %s", got.status, got.text)
	}
}

func deadLetters(r *running) int {
	waiting, _ := r.aws.SQS.CountMessages("requests-dead")
	return waiting
}

// The command shows what of a request is not used, and where each field of authority comes from.
func TestCheckRequestShowsAuthority(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "relay.yaml")
	if err := os.WriteFile(file, []byte("workflows: {orders: {approvers: [boss@example.com]}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	body := `{"orderId":"A-1","taskToken":"AQC","requester":"dan@example.com","approvers":["mallory@evil.example"]}`
	status, stdout, stderr := commandWith(t, body, "check", "request", "--config.file="+file, "-")
	if status != 0 {
		t.Fatalf("%d %s", status, stderr)
	}
	for _, line := range []string{
		`note +the approvers in body.approvers were not added`,
		`authority: approvers +configuration`,
		`authority: requester +body.requester`,
	} {
		if !regexp.MustCompile(`(?m)^` + line).MatchString(stdout) {
			t.Errorf("%s is not in\n%s", line, stdout)
		}
	}
	if strings.Contains(stdout, "asked  mallory") {
		t.Errorf("mallory is asked:\n%s", stdout)
	}
}
