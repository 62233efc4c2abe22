package main

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// demoRequest returns the request of the demo: an order with its lines, its amount and a link.
func demoRequest(token string, now time.Time) string {
	return fmt.Sprintf(`{
  "taskToken": %q,
  "approvalDeadline": %q,
  "title": "Order %s: office equipment for ACME",
  "requester": "sam@example.com",
  "approvalRequest": {
    "orderId": %q,
    "customer": "ACME",
    "costCenter": "4711",
    "total": 1250.00,
    "currency": "EUR",
    "quote": "https://shop.example.com/quotes/A-1001",
    "lines": [
      {"item": "Desk, 160 cm", "quantity": 2, "price": 380.00},
      {"item": "Office chair", "quantity": 2, "price": 215.00},
      {"item": "Lamp", "quantity": 4, "price": 15.00}
    ]
  }
}`, token, now.UTC().Format(time.RFC3339Nano), demoOrder, demoOrder)
}

// demoWorkflow has what approvers of the demo see and can decide. It is the end of a configuration.
const demoWorkflow = `
organisation: {name: Example Ltd, support: service-desk@example.com, colors: {accent: "#8a1538"}}
workflows:
  orders:
    requests:
      sqs: {queue: ` + demoQueue + `}
      details:
        - {name: Total, value: body.approvalRequest.total, kind: amount, currency: body.approvalRequest.currency,
           label: {en: Total, de: Summe}}
        - {name: Customer, value: body.approvalRequest.customer, label: {en: Customer, de: Kunde}}
        - {name: Cost center, value: body.approvalRequest.costCenter, label: {en: Cost center, de: Kostenstelle}}
        - {name: Quote, value: body.approvalRequest.quote, kind: link, label: {en: Quote, de: Angebot}}
        - {name: Lines, value: body.approvalRequest.lines, kind: table, columns: [item, quantity, price],
           label: {en: Lines, de: Positionen}}
    approvers: [ann@example.com]
    decision:
      choices:
        - {id: approve}
        - {id: approve_up_to, means: approve, fields: [limit],
           label: {en: Approve up to a limit, de: Bis zu einem Betrag genehmigen}}
        - {id: reject, fields: [reason]}
        - {id: return, label: {en: Send back, de: Zurückgeben}, means: return, comment: required}
      form:
        required: [limit, reason]
        properties:
          limit: {type: number, title: {en: Limit in EUR, de: Betrag in EUR}, minimum: 1, maximum: 5000}
          reason:
            type: string
            title: {en: Reason, de: Grund}
            oneOf:
              - {const: budget, title: {en: No budget, de: Kein Budget}}
              - {const: vendor, title: {en: Vendor not approved, de: Lieferant nicht zugelassen}}
      edits: {limit: /approvalRequest/total}
      receipt: true
      payload: /approvalRequest
    task_timeout: 24h
`

var inputForm = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)

// approveByLink acts as a browser: it gets the page, opens the fields of a choice, fills them in and sends them.
func approveByLink(ctx context.Context, link string) error {
	page, err := fetch(ctx, "GET", link, nil)
	form := url.Values{"choice": {"approve_up_to"}}
	for range 2 { // the first opens the choice, the second makes it
		if err != nil {
			return err
		}
		for _, m := range inputForm.FindAllStringSubmatch(page, -1) {
			form.Set(m[1], html.UnescapeString(m[2]))
		}
		page, err = fetch(ctx, "POST", link, form)
		form.Set("value.limit", "1000")
		form.Set("comment", "within budget")
	}
	return err
}

func fetch(ctx context.Context, method, link string, form url.Values) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, link, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode >= 300 {
		err = errors.New(method + " answered " + resp.Status)
	}
	return string(b), err
}

var receiptInAnswer = regexp.MustCompile(`("receipt":"[^".]{12})[^"]*"`)

// shortenReceipt leaves the beginning of the receipt in an answer.
func shortenReceipt(answer string) string { return receiptInAnswer.ReplaceAllString(answer, `$1…"`) }
