package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// startValues runs a relay whose workflow "orders" has these settings.
func startValues(t *testing.T, settings string) *running {
	t.Helper()
	p := newPlace(t)
	file := p.file(t, true, "")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	start, _, _ := strings.Cut(string(text), "workflows:")
	if err := os.WriteFile(file, []byte(start+"workflows: {orders: {"+settings+"}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return p.start(t, file)
}

// details returns the details of an order's last approval, by their labels.
func (r *running) details(t *testing.T, order string) map[string]string {
	t.Helper()
	out := map[string]string{}
	approvals := r.order(t, order).Approvals
	for _, d := range approvals[len(approvals)-1].Details {
		out[d.Name] = d.Value
	}
	return out
}

// People and the workflow get numbers as the request has them: as a detail, and in the answer at every depth.
func TestNumbersStayAsWritten(t *testing.T) {
	r := startValues(t, `callback: {output_fields: {total: body.orderTotal, items: body.items,
      customer: body.customer, odd: "[body.exponent, body.zero]",
      prices: "body.items.map(i, i.price)", rate: "{'rate': body.rate, 'tenfold': body.rate * 10.0}"}}`)
	text, err := os.ReadFile(filepath.Join("testdata", "values", "money.json"))
	if err != nil {
		t.Fatal(err)
	}
	token := r.aws.StepFunctions.OpenTask(time.Hour, 0)
	if got := r.request(t, "orders", strings.ReplaceAll(string(text), "{{TOKEN}}", token)); got.status != http.StatusAccepted {
		t.Fatal(got.status, got.text)
	}
	details := r.details(t, "M-1")
	for name, want := range map[string]string{
		"orderTotal": "19.90", "fee": "1250.10", "limit": "12345678901234567.89", "rate": "0.10", "exponent": "1e2", "zero": "-0",
		"number": "12345678901234567890123", "credit": "5.0",
		"items": "count: 3, price: 100.00, sku: A-1\ncount: 1, price: 0.50, sku: B-2",
	} {
		if details[name] != want {
			t.Errorf("%s is shown as %q, want %q", name, details[name], want)
		}
	}
	link := r.link(t, "M-1")
	if page := do(t, "GET", link, ""); !strings.Contains(page.text, ">19.90<") || !strings.Contains(page.text, ">1250.10<") {
		t.Errorf("the page: %s", page.text)
	}
	if got := press(t, link, "approve"); got.status != http.StatusSeeOther {
		t.Fatal(got.status, got.text)
	}
	output := r.task(t, token).Output
	for _, want := range []string{
		`"total":19.90`, `"items":[{"count":3,"price":100.00,"sku":"A-1"},{"count":1,"price":0.50,"sku":"B-2"}]`,
		`"customer":{"credit":5.0,"number":12345678901234567890123}`, `"odd":[1e2,-0]`, `"prices":[100.00,0.50]`,
		`"rate":{"rate":0.10,"tenfold":1}`,
	} {
		if !strings.Contains(output, want) {
			t.Errorf("the answer has no %s: %s", want, output)
		}
	}
}

// An ID that may have been rounded is refused with the reason. Digits of any length are exact, in a path too.
func TestIDsThatAreNumbers(t *testing.T) {
	r := startValues(t, "")
	for id, field := range map[string]string{
		`"orderId":1.2345678901234568e+22`: "order", `"orderId":42.0`: "order", `"orderId":1e21`: "order", `"orderId":4.2`: "order",
		`"orderId":true`: "order", `"orderId":-0`: "order", `"orderId":"A","step":1.5`: "step", `"orderId":"A","step":false`: "step",
		`"orderId":"A","requester":7.5`: "requester", `"orderId":"A","approvers":[true]`: "approvers",
	} {
		got := r.request(t, "orders", `{"taskToken":"AQC",`+id+`}`)
		if got.status != http.StatusUnprocessableEntity || got.body["field"] != field {
			t.Errorf("%s: %d %s", id, got.status, got.text)
		}
	}
	for _, id := range []string{"42", "12345678901234567890123", "-7", "18446744073709551616"} {
		token := r.aws.StepFunctions.OpenTask(time.Hour, 0)
		if got := r.request(t, "orders", fmt.Sprintf(`{"orderId":%s,"taskToken":%q}`, id, token)); got.status != http.StatusAccepted {
			t.Fatalf("%s: %d %s", id, got.status, got.text)
		}
		if got := r.program(t, "/v1/orders/"+id+"/decisions", fmt.Sprintf(`{"orderId":%s,"decision":"approve"}`, id)); got.status != http.StatusOK {
			t.Errorf("%s in the path and in the body: %d %s", id, got.status, got.text)
		}
		if got := r.task(t, token).Output; !strings.Contains(got, `"orderId":"`+id+`"`) {
			t.Errorf("%s: %s", id, got)
		}
	}
	if got := r.program(t, "/v1/orders/42/decisions", `{"orderId":43,"decision":"approve"}`); got.status != http.StatusUnprocessableEntity {
		t.Errorf("another order in the body: %d %s", got.status, got.text)
	}
}

// A deadline is read in every format that is not ambiguous. For every other one, the reason names what is missing.
func TestTimesOfRequests(t *testing.T) {
	r := startValues(t, "")
	at := time.Now().Add(3 * time.Hour).UTC().Truncate(time.Second)
	berlin := at.In(time.FixedZone("", 3600))
	n := 0
	ask := func(value string) reply {
		n++
		return r.request(t, "orders", fmt.Sprintf(`{"orderId":"T-%d","taskToken":"AQC%d","deadline":%s}`, n, n, value))
	}
	for _, layout := range []string{
		"2006-01-02T15:04:05Z", "2006-01-02t15:04:05z", "2006-01-02 15:04:05+00", "2006-01-02 15:04:05 +0000", "20060102T150405Z",
		"Mon, 02 Jan 2006 15:04:05 GMT", "2006-01-02T15:04:05.000Z", "2006-01-02T15:04:05,0Z",
	} {
		if got := ask(`"` + at.Format(layout) + `"`); got.status != http.StatusAccepted {
			t.Errorf("%s: %d %s", layout, got.status, got.text)
		} else if deadline := r.order(t, fmt.Sprintf("T-%d", n)).Approvals[0].Deadline; !deadline.Equal(at) {
			t.Errorf("%s: %v, want %v", layout, deadline, at)
		}
	}
	seconds := at.Unix()
	for _, value := range []string{
		fmt.Sprint(seconds), fmt.Sprintf("%q", fmt.Sprint(seconds)), fmt.Sprint(seconds * 1000), fmt.Sprintf("%q", fmt.Sprint(seconds*1000)),
		fmt.Sprintf("%d.0", seconds), fmt.Sprint(seconds * 1e6), fmt.Sprint(seconds * 1e9), berlin.Format(`"2006-01-02T15:04:05-0700"`),
	} {
		if got := ask(value); got.status != http.StatusAccepted {
			t.Errorf("%s: %d %s", value, got.status, got.text)
		} else if deadline := r.order(t, fmt.Sprintf("T-%d", n)).Approvals[0].Deadline; !deadline.Equal(at) {
			t.Errorf("%s: %v, want %v", value, deadline, at)
		}
	}
	for value, reason := range map[string]string{
		at.Format(`"2006-01-02T15:04:05"`): "without a zone", at.Format(`"2006-01-02"`): "without a time", `"31/01/2027"`: "day and month",
		`"12:00:00Z"`: "without a date", `"tomorrow"`: "RFC 3339", "0": "since 1970", "-1769860800": "since 1970", `"PT1H"`: "duration",
		at.Format(`"2006-01-02T15:04:05 EST"`): "letters", "true": "must be a time",
	} {
		got := ask(value)
		if detail, _ := got.body["detail"].(string); got.status != http.StatusUnprocessableEntity || got.body["field"] != "deadline" ||
			!strings.Contains(detail, reason) {
			t.Errorf("%s: %d %s", value, got.status, got.text)
		}
	}
	for value, want := range map[string]time.Duration{`"PT2H"`: 2 * time.Hour, `"2h"`: 2 * time.Hour, "7200": 2 * time.Hour, `"7200"`: 2 * time.Hour} {
		n++
		before := time.Now()
		got := r.request(t, "orders", fmt.Sprintf(`{"orderId":"T-%d","taskToken":"AQC%d","timeoutSeconds":%s}`, n, n, value))
		if got.status != http.StatusAccepted {
			t.Fatalf("%s: %d %s", value, got.status, got.text)
		}
		expires := r.order(t, fmt.Sprintf("T-%d", n)).Approvals[0].TaskExpiresAt
		if expires.Before(before.Add(want)) || expires.After(time.Now().Add(want)) {
			t.Errorf("%s: the task ends at %v", value, expires)
		}
	}
}

// A text that is only shown never costs a request or a decision. The whole is kept where it fits, and a cut says so.
func TestLongTextsOnTheWholeProgram(t *testing.T) {
	r := startValues(t, `requests: {details: {Notes: body.notes, Amount: body.amount}}`)
	token := r.aws.StepFunctions.OpenTask(time.Hour, 0)
	body, _ := json.Marshal(map[string]any{
		"orderId": "L-1", "taskToken": token, "title": strings.Repeat("é", 1100), "notes": strings.Repeat("本", 30_000),
	})
	if got := r.request(t, "orders", string(body)); got.status != http.StatusAccepted {
		t.Fatal(got.status, got.text)
	}
	details, title := r.details(t, "L-1"), r.order(t, "L-1").Approvals[0].Title
	if !strings.HasSuffix(details["Notes"], "本… (cut, 30,000 characters)") || details["Amount"] != "(not given)" ||
		!strings.HasSuffix(title, "é… (cut, 1,100 characters)") {
		t.Errorf("%.60s… %q %.60s…", details["Notes"], details["Amount"], title)
	}
	if page := do(t, "GET", r.link(t, "L-1"), ""); !strings.Contains(page.text, "(cut, 30,000 characters)") ||
		!strings.Contains(page.text, "(not given)") {
		t.Error("the page does not say what is missing")
	}
	for i, n := range []int{5000, 16_384, 100_000} {
		order, token := fmt.Sprint("C-", i), r.aws.StepFunctions.OpenTask(time.Hour, 0)
		if got := r.request(t, "orders", fmt.Sprintf(`{"orderId":%q,"taskToken":%q}`, order, token)); got.status != http.StatusAccepted {
			t.Fatal(got.status, got.text)
		}
		decision, _ := json.Marshal(map[string]any{"orderId": order, "decision": "reject", "comment": strings.Repeat("ä", n)})
		if got := r.crm(t, string(decision)); got.status != http.StatusOK {
			t.Fatalf("%d characters: %d %s", n, got.status, got.text)
		}
		comment := r.order(t, order).Approvals[0].Votes[0].Comment
		if isCut := strings.HasSuffix(comment, fmt.Sprintf("… (cut, %d,000 characters)", n/1000)); isCut != (n > 16_384) ||
			utf8.RuneCountInString(comment) != min(n, 16_384) {
			t.Errorf("%d characters: kept %d, %.20s", n, utf8.RuneCountInString(comment), comment[len(comment)-40:])
		}
		if cause := r.task(t, token).Cause; !strings.Contains(cause, `"status":"rejected"`) || len(cause) > 32_768 {
			t.Errorf("%d characters: a cause of %d bytes", n, len(cause))
		}
	}
}

// An approver who sees less than the request has is told so by the message and by the page, before everything else.
func TestWhatIsNotShownIsNamed(t *testing.T) {
	r := startValues(t, "")
	var fields strings.Builder
	for i := range 60 {
		fmt.Fprintf(&fields, `,"f%02d":"value %d"`, i, i)
	}
	for i := range 40 {
		fmt.Fprintf(&fields, `,"g%02d":"%s"`, i, strings.Repeat("g", 1500))
	}
	body := `{"orderId":"N-1","taskToken":"AQC1","apiKey":"hunter2","lines":[{"sku":"A","password":"hunter3"}]` + fields.String() + `}`
	if got := r.request(t, "orders", body); got.status != http.StatusAccepted {
		t.Fatal(got.status, got.text)
	}
	if got := r.request(t, "orders", `{"orderId":"N-2","taskToken":"AQC2","total":1}`); got.status != http.StatusAccepted {
		t.Fatal(got.status, got.text)
	}
	note := "2 values of the request: apiKey, lines[0].password"
	page := do(t, "GET", r.link(t, "N-1"), "").text
	if !strings.Contains(page, note) || strings.Contains(page, "hunter") || !strings.Contains(page, "value 59") {
		t.Errorf("the page: %s", page)
	}
	if printed := r.printed.String(); !strings.Contains(printed, note) || strings.Contains(printed, "hunter") {
		t.Errorf("the message: %s", printed)
	}
	if page := do(t, "GET", r.link(t, "N-2"), "").text; strings.Contains(page, "Not shown") {
		t.Error("nothing is left out of the second request")
	}
}
