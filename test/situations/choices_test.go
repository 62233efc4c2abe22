package situations

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/api"
	"github.com/approval-relay/approval-relay/approval"
)

// sent is a decision as a person or program makes it.
type sent struct {
	choice  string
	outcome string
	values  string // JSON, or empty
	comment string
	shown   string // "now" or "before": the digest of the request as it is, or of another
	id      string // of the decision; empty is a new one
}

// choiceRow is a row of the table: what somebody sends, and the result that every way in has.
type choiceRow struct {
	name string
	sent
	want   string // verdict, status and, if the decision counts, choice and values
	faults string // "field:code", sorted
	// notTyped and notByOperators are why the row is not for inputs that people type into, or for operators.
	notTyped       string
	notByOperators string
}

func upTo(name, values, want, faults string) choiceRow {
	row := choiceRow{name: name, sent: sent{choice: "approve_up_to", values: values}, want: want, faults: faults}
	if faults == "" {
		row.want = `decided approved approve_up_to ` + want
	}
	return row
}

func (r choiceRow) onlyJSON(why string) choiceRow {
	r.notTyped = why
	return r
}

const invalid = "invalid pending"

func choiceRows() []choiceRow {
	comments := "the reason of an operator is the comment"
	noType := "an input has texts only"
	return []choiceRow{
		{name: "a choice without fields", sent: sent{choice: "approve"}, want: "decided approved approve {}"},
		{name: "only an outcome", sent: sent{outcome: "approve"}, want: "decided approved approve {}", notTyped: "a page has choices"},
		{name: "choice and outcome agree", sent: sent{choice: "approve", outcome: "approve"}, want: "decided approved approve {}",
			notTyped: "a page has choices"},
		{name: "choice and outcome differ", sent: sent{choice: "approve", outcome: "reject"}, want: invalid, faults: "choice:not_offered",
			notTyped: "a page has choices"},
		{name: "a choice that is not offered", sent: sent{choice: "approve_all"}, want: invalid, faults: "choice:not_offered",
			notTyped: "a page has choices"},
		{name: "a choice in another case", sent: sent{choice: "APPROVE"}, want: invalid, faults: "choice:not_offered",
			notTyped: "a page has choices"},
		{name: "values for a choice without fields", sent: sent{choice: "approve", values: `{"limit":1}`}, want: invalid,
			faults: "limit:unknown", notTyped: "a page sends the fields of its choice"},
		upTo("valid", `{"limit":3000}`, `{"limit":3000}`, ""),
		upTo("a fraction", `{"limit":4999.5}`, `{"limit":4999.5}`, ""),
		upTo("the least", `{"limit":1}`, `{"limit":1}`, ""),
		upTo("the greatest", `{"limit":5000}`, `{"limit":5000}`, ""),
		upTo("another notation", `{"limit":3.0e3}`, `{"limit":3000}`, "").onlyJSON("people write digits"),
		upTo("no values", ``, invalid, "limit:missing"),
		upTo("no members", `{}`, invalid, "limit:missing"),
		upTo("null", `{"limit":null}`, invalid, "limit:wrong_type").onlyJSON(noType),
		upTo("an empty text", `{"limit":""}`, invalid, "limit:missing"),
		upTo("a word for a number", `{"limit":"s3cr3t"}`, invalid, "limit:wrong_type"),
		upTo("a number as text", `{"limit":"3000"}`, invalid, "limit:wrong_type").onlyJSON("what is typed is a text, and read as a number"),
		upTo("too small", `{"limit":0.99}`, invalid, "limit:too_small"),
		upTo("too great", `{"limit":5000.01}`, invalid, "limit:too_great"),
		upTo("more digits than readers keep", `{"limit":1.00000000000000001}`, invalid, "limit:imprecise"),
		upTo("a text of the greatest length", `{"limit":1,"note":"0123456789"}`, `{"limit":1,"note":"0123456789"}`, ""),
		upTo("a text that is too long", `{"limit":1,"note":"0123456789s"}`, invalid, "note:too_long"),
		upTo("values that are too large", `{"limit":1,"story":"`+strings.Repeat("s3cr3t", 6000)+`"}`, invalid, ":too_large").
			onlyJSON("a page bounds its form"),
		upTo("an option", `{"limit":1,"currency":"EUR"}`, `{"currency":"EUR","limit":1}`, ""),
		upTo("no option", `{"limit":1,"currency":"s3cr3t"}`, invalid, "currency:no_option"),
		upTo("a truth value", `{"limit":1,"urgent":true}`, `{"limit":1,"urgent":true}`, ""),
		upTo("a word for a truth value", `{"limit":1,"urgent":"yes"}`, invalid, "urgent:wrong_type").onlyJSON(noType),
		upTo("several options", `{"limit":1,"tags":["b","a"]}`, `{"limit":1,"tags":["a","b"]}`, ""),
		upTo("an option twice", `{"limit":1,"tags":["a","a"]}`, invalid, "tags:repeated"),
		upTo("too many options", `{"limit":1,"tags":["a","b","c"]}`, invalid, "tags:too_many"),
		upTo("a text for a list", `{"limit":1,"tags":"a"}`, invalid, "tags:wrong_type").onlyJSON(noType),
		upTo("a day", `{"limit":1,"until":"2028-02-29"}`, `{"limit":1,"until":"2028-02-29"}`, ""),
		upTo("no day of the calendar", `{"limit":1,"until":"2027-02-29"}`, invalid, "until:bad_format"),
		upTo("no address", `{"limit":1,"mail":"s3cr3t"}`, invalid, "mail:bad_format"),
		upTo("no whole number", `{"limit":1,"count":1.5}`, invalid, "count:wrong_type"),
		upTo("several faults", `{"limit":0,"currency":"GBP","mail":"x"}`, invalid, "currency:no_option limit:too_small mail:bad_format"),
		upTo("an unknown field", `{"limit":1,"s3cr3t_":"red"}`, invalid, "s3cr3t_:unknown").onlyJSON("a page reads the fields of its choice"),
		upTo("a field of another choice", `{"limit":1,"reason":"budget"}`, invalid, "reason:unknown").
			onlyJSON("a page reads the fields of its choice"),
		upTo("a list for the values", `["s3cr3t"]`, invalid, ":wrong_type").onlyJSON(noType),
		{name: "no comment", sent: sent{choice: "reject", values: `{"reason":"budget"}`}, want: invalid, faults: "comment:missing",
			notByOperators: comments},
		{name: "a comment of spaces", sent: sent{choice: "return", comment: " \t "}, want: invalid, faults: "comment:missing",
			notByOperators: comments},
		{name: "a comment, and no reason", sent: sent{choice: "reject", comment: "no"}, want: invalid, faults: "reason:missing"},
		{name: "rejected", sent: sent{choice: "reject", comment: "no", values: `{"reason":"vendor"}`},
			want: `decided rejected reject {"reason":"vendor"}`},
		{name: "returned", sent: sent{choice: "return", comment: "more"}, want: "decided returned return {}"},
		{name: "nobody else can vote", sent: sent{choice: "abstain"}, want: "decided rejected abstain {}",
			notByOperators: "an operator decides, and an abstention decides nothing"},
		{name: "the request as it is", sent: sent{choice: "approve", shown: "now"}, want: "decided approved approve {}",
			notTyped: "a page always sends it"},
		{name: "another request was shown", sent: sent{choice: "approve", shown: "before"}, want: "changed pending",
			notTyped: "a page has it in its form"},
	}
}

// choiceWay is a way in.
type choiceWay struct {
	name string
	// send sends a decision, and returns what its sender learns. A nil learns means that nobody waits for the answer.
	send       func(r *relay, order string, d sent) (learns *string)
	isTyped    bool // by a person, into inputs
	isOperator bool
	hasErrors  bool // the answer lists the faults with their codes
}

// TestChoicesByEveryWay sends the same decisions by every way in, and requires the same verdicts, statuses, choices,
// values and faults of all of them. No answer repeats a value.
func TestChoicesByEveryWay(t *testing.T) {
	t.Parallel()
	r := startChoices(t)
	compared := 0
	for w, way := range choiceWays() {
		for i, row := range choiceRows() {
			if (way.isTyped && row.notTyped != "") || (way.isOperator && row.notByOperators != "") {
				continue
			}
			compared++
			order := fmt.Sprintf("C-%d-%d", w, i)
			approvalBefore := r.askChoice(order)
			switch row.shown {
			case "now":
				row.shown = approvalBefore.ShownDigest
			case "before":
				row.shown = strings.Repeat("0", 64)
			}
			learns := way.send(r, order, row.sent)
			result := r.resultOf(order)
			if way.isTyped && !strings.Contains(row.values, "urgent") { // a checkbox without its mark is false
				result = strings.Replace(result, `,"urgent":false`, "", 1)
			}
			assert.Equal(t, row.want, result, "%s: %s", way.name, row.name)
			if learns == nil {
				continue
			}
			assert.NotContains(t, strings.ReplaceAll(*learns, "s3cr3t_", ""), "s3cr3t", "%s: %s", way.name, row.name)
			for fault := range strings.FieldsSeq(row.faults) {
				field, _, _ := strings.Cut(fault, ":")
				assert.Contains(t, *learns, field, "%s: %s", way.name, row.name)
			}
			if way.hasErrors {
				assert.Equal(t, row.faults, faultsIn(t, *learns), "%s: %s", way.name, row.name)
			}
		}
	}
	require.Greater(t, compared, 200)
	require.NotContains(t, strings.ReplaceAll(r.out.String(), "s3cr3t_", ""), "s3cr3t", "the log")
}

// askChoice asks for an order, and returns its approval.
func (r *relay) askChoice(order string) api.Approval {
	r.Helper()
	got := r.ask("purchases", fmt.Sprintf(`{"orderId":%q,"taskToken":%q,"purchase":{"total":480}}`, order, r.token()))
	require.Equal(r, http.StatusAccepted, got.status, got.text)
	return r.pending(order)
}

// resultOf waits until a decision about an order is recorded, and returns its verdict, the status, and what counts.
func (r *relay) resultOf(order string) string {
	r.Helper()
	var code string
	var o *api.Order
	r.eventually("a decision about "+order+" is recorded", func() bool {
		o = r.order(order)
		for _, e := range slices.Backward(o.History) {
			if e.Kind == approval.EventDecisionReceived {
				code = e.Code
				return true
			}
		}
		return false
	})
	a := o.Approvals[0]
	result := code + " " + string(a.Status)
	if len(a.Votes) > 0 {
		vote := a.Votes[len(a.Votes)-1]
		values := string(vote.Values)
		if values == "" {
			values = "{}"
		}
		result += " " + vote.Choice + " " + values
	}
	return result
}

// faultsIn returns the faults in problem details.
func faultsIn(t *testing.T, text string) string {
	t.Helper()
	var p struct {
		Errors []api.DecisionFault `json:"errors"`
	}
	require.NoError(t, json.Unmarshal([]byte(text), &p), text)
	var faults []string
	for _, e := range p.Errors {
		faults = append(faults, e.Field+":"+string(e.Code))
	}
	slices.Sort(faults)
	return strings.Join(faults, " ")
}

func choiceWays() []choiceWay {
	return []choiceWay{
		{name: "API", hasErrors: true, send: func(r *relay, order string, d sent) *string {
			got := r.asProgram(http.MethodPost, "/v1/orders/"+order+"/decisions", d.message(""))
			return &got.text
		}},
		{name: "webhook", hasErrors: true, send: func(r *relay, order string, d sent) *string {
			got := r.post("crm", d.message(order), append(bearer(), "Content-Type", "application/json")...)
			return &got.text
		}},
		{name: "SNS", send: func(r *relay, order string, d sent) *string {
			form := url.Values{
				"Action":   {"Publish"},
				"TopicArn": {"arn:aws:sns:us-east-1:000000000000:results"},
				"Message":  {d.message(order)},
			}
			got := r.call(http.MethodPost, r.aws.URL(), form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
			require.Equal(r, http.StatusOK, got.status, got.text)
			return nil
		}},
		{name: "operator API", hasErrors: true, isOperator: true, send: func(r *relay, order string, d sent) *string {
			got := r.asOperator(http.MethodPost, "/v1/orders/"+order+"/decide", d.operatorRequest())
			return &got.text
		}},
		{name: "command line", isOperator: true, send: sendByCommand},
		{name: "page", isTyped: true, send: sendByPage},
		{name: "Slack", isTyped: true, send: sendBySlack},
	}
}

// message returns the decision as a program sends it.
func (d sent) message(order string) string {
	body := map[string]any{"decidedBy": "ann@example.com"}
	for name, text := range map[string]string{
		"orderId": order, "choice": d.choice, "decision": d.outcome, "comment": d.comment, "shownDigest": d.shown, "decisionId": d.id,
	} {
		if text != "" {
			body[name] = text
		}
	}
	if d.values != "" {
		body["values"] = json.RawMessage(d.values)
	}
	text, _ := json.Marshal(body) // texts and JSON
	return string(text)
}

func (d sent) operatorRequest() string {
	body := map[string]any{"reason": "by phone"}
	for name, text := range map[string]string{"choice": d.choice, "outcome": d.outcome, "shownDigest": d.shown} {
		if text != "" {
			body[name] = text
		}
	}
	if d.values != "" {
		body["values"] = json.RawMessage(d.values)
	}
	text, _ := json.Marshal(body) // texts and JSON
	return string(text)
}

// sendByCommand decides on the command line. The values are in a file, so that every JSON can be sent.
func sendByCommand(r *relay, order string, d sent) *string {
	args := []string{"decide"}
	if d.outcome != "" {
		args = append(args, d.outcome)
	}
	args = append(args, order, "--reason=by phone", "--url="+r.operator, "--token="+operatorToken)
	if d.choice != "" {
		args = append(args, "--choice="+d.choice)
	}
	if d.shown != "" {
		args = append(args, "--shown="+d.shown)
	}
	if d.values != "" {
		args = append(args, "--values=-")
	}
	cmd := r.command(args...)
	cmd.Stdin = strings.NewReader(d.values)
	out, _ := cmd.CombinedOutput() // the verdict is in the history
	text := string(out)
	return &text
}

var hiddenInput = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// sendByPage opens the link of the approver, opens the choice and sends its form.
func sendByPage(r *relay, order string, d sent) *string {
	links := r.links()
	link := links[len(links)-1]
	r.eventually("the link of "+order+" is printed", func() bool {
		links = r.links()
		link = links[len(links)-1]
		return strings.Contains(r.call(http.MethodGet, link, "").text, order)
	})
	page := r.call(http.MethodGet, link, "").text
	submit := func(typed url.Values) answer {
		form := url.Values{}
		for _, m := range hiddenInput.FindAllStringSubmatch(page, -1) {
			form.Set(m[1], strings.ReplaceAll(m[2], "&#43;", "+"))
		}
		maps.Copy(form, typed)
		form.Set("choice", d.choice)
		form.Set("comment", d.comment)
		got := r.call(http.MethodPost, link, form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		page = got.text
		return got
	}
	typed := typedValues(r.T, d.values)
	got := submit(url.Values{})
	if got.status == http.StatusOK { // the choice has been opened
		if d.values == "" || d.values == "{}" {
			typed.Set("value.limit", "") // the present value is there at first
		}
		got = submit(typed)
	}
	if got.status >= http.StatusBadRequest {
		names := regexp.MustCompile(`aria-invalid="true"`).FindAllString(got.text, -1)
		require.NotEmpty(r.T, names, "%s", d.choice)
		text := strings.NewReplacer("s3cr3t", "").Replace(got.text) // what was typed is kept
		return &text
	}
	return &got.text
}

// typedValues returns values as a person types them.
func typedValues(t *testing.T, values string) url.Values {
	t.Helper()
	typed := url.Values{}
	if values == "" {
		return typed
	}
	var members map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(values), &members))
	for name, raw := range members {
		var text string
		var list []string
		switch {
		case json.Unmarshal(raw, &text) == nil:
			typed.Set("value."+name, text)
		case json.Unmarshal(raw, &list) == nil:
			typed["value."+name] = list
		default:
			typed.Set("value."+name, string(raw))
		}
	}
	return typed
}
