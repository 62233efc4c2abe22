package api

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
	"github.com/approval-relay/approval-relay/untrusted"
)

// ExportedApproval is a line of an export in JSON.
type ExportedApproval struct {
	OrderID  string   `json:"orderId"`
	Approval Approval `json:"approval"`
}

const (
	exportPage = 200 // approvals that are in memory together
	// exportDeadline is the longest time that a caller may need for a page. It replaces the time limit of the whole answer.
	exportDeadline = 45 * time.Second
)

func (e *Endpoints) export() http.Handler { return http.HandlerFunc(e.OperatorAPI.Export) }

// Export writes all approvals that the query selects, sorted by order ID. It reads them in pages, so that its memory does not
// depend on their number. After an error in the middle it breaks the connection off: a file that ends too early must not look
// like a whole one. A caller goes on after the last order that it has got.
func (a *OperatorAPI) Export(w http.ResponseWriter, r *http.Request) {
	values := r.URL.Query()
	q, err := readFilter(values, a.Redriver.Transitions.Now())
	format := values.Get("format")
	if err == nil && format != "" && format != "csv" && format != "jsonl" {
		err = approval.InvalidField("format", "must be csv or jsonl")
	}
	if err != nil {
		writeAnswer(w, r, nil, err)
		return
	}
	q.Limit = exportPage
	q.After = values.Get("after")
	page, err := a.Lister.ListApprovals(r.Context(), q)
	if err != nil {
		writeAnswer(w, r, nil, err)
		return
	}
	for out := newExporter(w, format); ; {
		if err := out.writePage(page); err != nil {
			panic(http.ErrAbortHandler)
		}
		if page.Next == "" {
			return
		}
		q.After = page.Next
		if page, err = a.Lister.ListApprovals(r.Context(), q); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

// exporter writes approvals in a format.
type exporter struct {
	csv     *csv.Writer
	json    *json.Encoder
	control *http.ResponseController
}

// newExporter writes the header of the answer, and the heading of a CSV file.
func newExporter(w http.ResponseWriter, format string) *exporter {
	h := w.Header()
	control := http.NewResponseController(w)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if format == "jsonl" {
		h.Set("Content-Type", "application/jsonl")
		h.Set("Content-Disposition", `attachment; filename="approvals.jsonl"`)
		return &exporter{json: json.NewEncoder(w), control: control}
	}
	h.Set("Content-Type", "text/csv; charset=utf-8; header=present")
	h.Set("Content-Disposition", `attachment; filename="approvals.csv"`)
	e := &exporter{csv: csv.NewWriter(w), control: control}
	_ = e.csv.Write(exportColumns()) // writePage returns the error
	return e
}

// write writes a row. Rows without an approval are left out.
func (e *exporter) write(row store.Row) error {
	if row.Approval == nil {
		return nil
	}
	if e.json != nil {
		return e.json.Encode(ExportedApproval{row.Order.ID, publishApproval(row.Order, row.Approval)})
	}
	return e.csv.Write(exportCells(row.Order.ID, row.Approval))
}

// writePage writes the rows of a page and sends them.
func (e *exporter) writePage(page store.Page) error {
	_ = e.control.SetWriteDeadline(time.Now().Add(exportDeadline)) // without it, the server's own deadline holds
	for _, row := range page.Rows {
		if err := e.write(row); err != nil {
			return err
		}
	}
	if e.csv != nil {
		e.csv.Flush()
		if err := e.csv.Error(); err != nil {
			return err
		}
	}
	return e.control.Flush()
}

func exportColumns() []string {
	return []string{
		"order_id", "approval_id", "status", "workflow", "step", "title", "requester", "approvers", "execution",
		"requested_at", "deadline", "closed_at", "reason", "votes", "undeliverable",
		"callback_state", "callback_ended_at", "callback_attempts", "callback_last_error", "details",
	}
}

// exportCells returns the cells of an approval, in the order of the columns.
func exportCells(orderID string, a *approval.Approval) []string {
	var approvers, votes []string
	for _, p := range a.Approvers {
		approvers = append(approvers, exportPart(p.ID))
	}
	for _, v := range a.Votes {
		if !v.Void {
			votes = append(votes, exportVote(v))
		}
	}
	var details []string
	for _, d := range a.Details {
		details = append(details, exportPart(d.Name)+": "+exportPart(d.Value))
	}
	cells := []string{
		orderID, a.ID, string(a.Status), a.Workflow, a.Step, a.Title, a.Requester, strings.Join(approvers, "; "), a.Execution,
		exportTime(a.RequestedAt), exportTime(a.Deadline), exportTime(a.ClosedAt), a.Reason, strings.Join(votes, "; "),
		strconv.FormatBool(a.Undeliverable), string(a.Callback.State), exportTime(a.Callback.EndedAt),
		strconv.Itoa(a.Callback.Attempts), a.Callback.LastError, strings.Join(details, "; "),
	}
	for i, text := range cells {
		cells[i] = untrusted.InertCell(text)
	}
	return cells
}

// exportVote returns a vote with its person, way, time and comment.
func exportVote(v approval.Vote) string {
	by := exportPart(v.By)
	if v.Claimed != "" {
		by += " for " + exportPart(v.Claimed)
	}
	text := string(v.Outcome) + " by " + by + " via " + string(v.Via) + " at " + exportTime(v.At)
	if v.ConfirmedBy != "" {
		text += ", confirmed by " + v.ConfirmedBy
	}
	if v.Comment != "" {
		text += ", comment: " + exportPart(v.Comment)
	}
	return text
}

// exportPart returns a text as a part of a list in a cell. A text that could look like several parts is quoted: a comment
// must not add a vote to the list, or a value a detail.
func exportPart(text string) string {
	if strings.ContainsAny(text, ";\"\r\n\u2028\u2029") {
		return strconv.Quote(text)
	}
	return text
}

func exportTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
