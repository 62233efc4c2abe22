package record

import (
	"encoding/json"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/form"
	"github.com/approval-relay/approval-relay/language"
)

var approverLayout = &layout[approval.Approver]{name: "Approver", fields: []field[approval.Approver]{
	text(1, "id", func(p *approval.Approver) *string { return &p.ID }),
	text(2, "nonce", func(p *approval.Approver) *string { return &p.Nonce }),
	text(3, "for", func(p *approval.Approver) *string { return &p.SubstituteFor }),
	truth(4, "escalated", func(p *approval.Approver) *bool { return &p.Escalated }),
	truth(5, "declined", func(p *approval.Approver) *bool { return &p.Declined }),
	texts(6, "channels", func(p *approval.Approver) *[]string { return &p.Channels }),
	texts(7, "fallback", func(p *approval.Approver) *[]string { return &p.FallbackChannels }),
}}

var policyLayout = &layout[approval.Policy]{name: "Policy", fields: []field[approval.Policy]{
	text(1, "kind", func(p *approval.Policy) *approval.PolicyKind { return &p.Kind }),
	count(2, "quorum", func(p *approval.Policy) *int { return &p.Quorum }),
	truth(3, "no_veto", func(p *approval.Policy) *bool { return &p.VetoDisabled }),
}}

var retryLayout = &layout[approval.RetrySchedule]{name: "RetrySchedule", fields: []field[approval.RetrySchedule]{
	span(1, "base", func(r *approval.RetrySchedule) *time.Duration { return &r.Base }),
	span(2, "cap", func(r *approval.RetrySchedule) *time.Duration { return &r.Cap }),
	span(3, "max_age", func(r *approval.RetrySchedule) *time.Duration { return &r.MaxAge }),
}}

var escalationLayout = &layout[approval.Escalation]{name: "Escalation", fields: []field[approval.Escalation]{
	moment(1, "at", func(e *approval.Escalation) *time.Time { return &e.At }),
	list(2, "approvers", approverLayout, func(e *approval.Escalation) *[]approval.Approver { return &e.Approvers }),
}}

var detailLayout = &layout[approval.Field]{name: "Field", fields: []field[approval.Field]{
	text(1, "name", func(f *approval.Field) *string { return &f.Name }),
	text(2, "value", func(f *approval.Field) *string { return &f.Value }),
	text(3, "kind", func(f *approval.Field) *approval.FieldKind { return &f.Kind }),
	text(4, "state", func(f *approval.Field) *approval.FieldState { return &f.State }),
	textMap(5, "label", func(f *approval.Field) *language.Text { return &f.Label }),
	text(6, "path", func(f *approval.Field) *string { return &f.Path }),
	truth(7, "is_path", func(f *approval.Field) *bool { return &f.IsPath }),
	text(8, "currency", func(f *approval.Field) *string { return &f.Currency }),
	text(9, "before", func(f *approval.Field) *string { return &f.Before }),
	text(10, "after", func(f *approval.Field) *string { return &f.After }),
	optional(11, "table", tableLayout, func(f *approval.Field) **approval.Table { return &f.Table }),
	optional(12, "file", fileLayout, func(f *approval.Field) **approval.File { return &f.File }),
	truth(13, "outdated", func(f *approval.Field) *bool { return &f.Outdated }),
	optional(14, "left_out", leftOutLayout, func(f *approval.Field) **approval.LeftOut { return &f.LeftOut }),
}}

var tableLayout = &layout[approval.Table]{name: "Table", fields: []field[approval.Table]{
	texts(1, "columns", func(t *approval.Table) *[]string { return &t.Columns }),
	rows(2, "rows", func(t *approval.Table) *[][]string { return &t.Rows }),
}}

var fileLayout = &layout[approval.File]{name: "File", fields: []field[approval.File]{
	text(1, "url", func(f *approval.File) *string { return &f.URL }),
	text(2, "name", func(f *approval.File) *string { return &f.Name }),
	text(3, "type", func(f *approval.File) *string { return &f.Type }),
	count(4, "size", func(f *approval.File) *int { return &f.Size }),
	text(5, "digest", func(f *approval.File) *string { return &f.Digest }),
}}

var leftOutLayout = &layout[approval.LeftOut]{name: "LeftOut", fields: []field[approval.LeftOut]{
	text(1, "reason", func(l *approval.LeftOut) *approval.LeftOutReason { return &l.Reason }),
	count(2, "count", func(l *approval.LeftOut) *int { return &l.Count }),
	texts(3, "names", func(l *approval.LeftOut) *[]string { return &l.Names }),
}}

var choiceLayout = &layout[approval.Choice]{name: "Choice", fields: []field[approval.Choice]{
	text(1, "id", func(c *approval.Choice) *string { return &c.ID }),
	textMap(2, "label", func(c *approval.Choice) *language.Text { return &c.Label }),
	text(3, "means", func(c *approval.Choice) *approval.Outcome { return &c.Means }),
	text(4, "comment", func(c *approval.Choice) *approval.CommentRule { return &c.Comment }),
	texts(5, "fields", func(c *approval.Choice) *[]string { return &c.Fields }),
}}

var agentLayout = &layout[approval.AgentRequest]{name: "AgentRequest", fields: []field[approval.AgentRequest]{
	text(1, "shape", func(a *approval.AgentRequest) *string { return &a.Shape }),
	rawJSONs(2, "actions", func(a *approval.AgentRequest) *[]json.RawMessage { return &a.Actions }),
	truth(3, "camel_case", func(a *approval.AgentRequest) *bool { return &a.CamelCase }),
	text(4, "interrupt", func(a *approval.AgentRequest) *string { return &a.Interrupt }),
	truth(5, "has_approved", func(a *approval.AgentRequest) *bool { return &a.HasApproved }),
}}

var formLayout = &layout[form.Form]{name: "Form", fields: []field[form.Form]{
	list(1, "fields", formFieldLayout, func(f *form.Form) *[]form.Field { return &f.Fields }),
}}

var formFieldLayout = &layout[form.Field]{name: "FormField", fields: []field[form.Field]{
	text(1, "name", func(f *form.Field) *string { return &f.Name }),
	text(2, "kind", func(f *form.Field) *form.Kind { return &f.Kind }),
	textMap(3, "title", func(f *form.Field) *language.Text { return &f.Title }),
	textMap(4, "description", func(f *form.Field) *language.Text { return &f.Description }),
	truth(5, "required", func(f *form.Field) *bool { return &f.Required }),
	text(6, "format", func(f *form.Field) *string { return &f.Format }),
	count(7, "min_length", func(f *form.Field) *int { return &f.MinLength }),
	limit(8, "max_length", func(f *form.Field) **int { return &f.MaxLength }),
	text(9, "minimum", func(f *form.Field) *json.Number { return &f.Minimum }),
	text(10, "maximum", func(f *form.Field) *json.Number { return &f.Maximum }),
	list(11, "options", optionLayout, func(f *form.Field) *[]form.Option { return &f.Options }),
	count(12, "min_items", func(f *form.Field) *int { return &f.MinItems }),
	limit(13, "max_items", func(f *form.Field) **int { return &f.MaxItems }),
	rawJSON(14, "default", func(f *form.Field) *json.RawMessage { return &f.Default }),
}}

var optionLayout = &layout[form.Option]{name: "Option", fields: []field[form.Option]{
	text(1, "value", func(o *form.Option) *string { return &o.Value }),
	textMap(2, "title", func(o *form.Option) *language.Text { return &o.Title }),
}}
