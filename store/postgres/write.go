package postgres

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/approval-relay/approval-relay/store"
)

func compareIDs(a, b string) int { return strings.Compare(a, b) }

// write is a transaction of changes of different orders: a single statement. It has a part for each table that changes.
// The rows of the other tables change with their order: not at all if the order is not as it was read.
type write struct {
	slot     int16
	version  int64
	unsynced bool // the transaction need not wait for the disk

	updated, inserted, removed rowSet
	opened, ended              pendingSet
	owed, paid                 owedSet
}

// rowSet has the columns of rows of the table orders.
type rowSet struct {
	ids, earlier, records byteArray
	before, due, since    []int64
	attention             []int16
}

// pendingSet has the columns of rows of the table pending, with the order of each.
type pendingSet struct {
	ids                  byteArray
	workflows, approvals []string
	since                []int64
}

// owedSet has the columns of rows of the table owed.
type owedSet struct {
	ids       byteArray
	workflows []string
	since     []int64
}

func newWrite(slot int16, version int64) *write {
	return &write{slot: slot, version: version, unsynced: true}
}

// add adds the change of an order.
func (w *write) add(orderID string, before stored, c change) {
	id := []byte(orderID)
	set := &w.updated
	switch {
	case c.record == nil:
		set = &w.removed
	case before.version == 0:
		set = &w.inserted
	}
	set.ids = append(set.ids, id)
	set.before = append(set.before, before.version)
	set.earlier = append(set.earlier, before.earlierAfter())
	set.records = append(set.records, c.record)
	set.due = append(set.due, store.ToNanos(c.columns.Due))
	set.since = append(set.since, store.ToNanos(c.columns.Since))
	set.attention = append(set.attention, int16(c.columns.Attention))
	for _, p := range c.opened {
		w.opened.add(id, p.Workflow, p.ApprovalID, store.ToNanos(p.Since))
	}
	for _, p := range c.ended {
		w.ended.add(id, p.Workflow, p.ApprovalID, store.ToNanos(p.Since))
	}
	for _, o := range c.owed {
		w.owed.add(id, o.Workflow, store.ToNanos(o.Since))
	}
	for _, o := range c.paid {
		w.paid.add(id, o.Workflow, store.ToNanos(o.Since))
	}
}

func (p *pendingSet) add(id []byte, workflow, approval string, since int64) {
	p.ids = append(p.ids, id)
	p.workflows = append(p.workflows, workflow)
	p.approvals = append(p.approvals, approval)
	p.since = append(p.since, since)
}

func (o *owedSet) add(id []byte, workflow string, since int64) {
	o.ids = append(o.ids, id)
	o.workflows = append(o.workflows, workflow)
	o.since = append(o.since, since)
}

// shape tells which parts the statement of a write has. Statements of the same shape have the same text.
type shape struct {
	updated, inserted, removed, opened, ended, owed, paid, unsynced bool
}

func (w *write) shape() shape {
	return shape{
		updated:  len(w.updated.ids) > 0,
		inserted: len(w.inserted.ids) > 0,
		removed:  len(w.removed.ids) > 0,
		opened:   len(w.opened.ids) > 0,
		ended:    len(w.ended.ids) > 0,
		owed:     len(w.owed.ids) > 0,
		paid:     len(w.paid.ids) > 0,
		unsynced: w.unsynced,
	}
}

// writeTexts keeps the texts of statements, because it takes longer to put one together than to send it.
type writeTexts struct {
	mu      sync.Mutex
	byShape map[shape]string
}

// getOrBuild returns the text of a shape. If there is none yet, build makes it.
func (t *writeTexts) getOrBuild(s shape, build func() string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text, found := t.byShape[s]
	if !found {
		if t.byShape == nil {
			t.byShape = map[shape]string{}
		}
		text = build()
		t.byShape[s] = text
	}
	return text
}

// statement is a statement that is put together from parts.
type statement struct {
	parts []part
	last  part // after WITH and the parts
	args  []any
}

// part is a part of a statement, with the number of its arguments.
type part struct {
	text string
	args int
}

// add adds a part. The texts $1, $2 and so on in it stand for its own arguments.
func (s *statement) add(text string, args ...any) {
	s.parts = append(s.parts, part{text, len(args)})
	s.args = append(s.args, args...)
}

// text returns the whole statement, in which all arguments are numbered.
func (s *statement) text() string {
	before := 0
	number := func(p part) string {
		text := p.text
		for i := p.args; i > 0; i-- { // from behind, because $1 is the beginning of $10
			text = strings.ReplaceAll(text, fmt.Sprintf("$%d", i), fmt.Sprintf("$#%d", before+i))
		}
		before += p.args
		return strings.ReplaceAll(text, "$#", "$")
	}
	var texts []string
	for _, p := range s.parts {
		texts = append(texts, number(p))
	}
	return "WITH " + strings.Join(texts, ", ") + number(s.last)
}

// The parts of a write. The smallest number of a bigint stands for NULL, see store.NoTime.
const (
	updateRows = `updated AS (
		UPDATE relay.orders o SET version = $1, earlier = u.earlier, record = u.record, due = u.due, since = u.since,
			attention = u.attention,
			-- An order that is still due at the now of its Claim keeps its lease. A comparison with NULL is never true.
			next = CASE WHEN u.due <= o.claimed THEN o.next ELSE u.due END,
			claimed = CASE WHEN u.due <= o.claimed THEN o.claimed END
		FROM (SELECT id, before, earlier, record, nullif(due, -9223372036854775808) AS due,
				nullif(since, -9223372036854775808) AS since, attention
			FROM unnest($2::bytea[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bigint[], $7::bigint[], $8::smallint[])
				AS v (id, before, earlier, record, due, since, attention)) u
		WHERE o.id = u.id AND o.version = u.before RETURNING o.id)`
	insertRows = `inserted AS (
		INSERT INTO relay.orders (id, version, earlier, record, due, next, since, attention)
		SELECT id, $1::bigint, '', record, nullif(due, -9223372036854775808), nullif(due, -9223372036854775808),
			nullif(since, -9223372036854775808), attention
		FROM unnest($2::bytea[], $3::bytea[], $4::bigint[], $5::bigint[], $6::smallint[]) AS u (id, record, due, since, attention)
		ON CONFLICT (id) DO NOTHING RETURNING id)`
	removeRows = `removed AS (
		DELETE FROM relay.orders o USING unnest($1::bytea[], $2::bigint[]) AS u (id, before)
		WHERE o.id = u.id AND o.version = u.before RETURNING o.id)`
	openRows = `opened AS (
		INSERT INTO relay.pending (workflow, since, approval)
		SELECT workflow, since, approval FROM unnest($1::bytea[], $2::text[], $3::bigint[], $4::text[])
			AS p (id, workflow, since, approval)
		WHERE ` + isDone + `
		ON CONFLICT DO NOTHING RETURNING workflow)`
	endRows = `ended AS (
		DELETE FROM relay.pending p USING (SELECT workflow, since, approval
			FROM unnest($1::bytea[], $2::text[], $3::bigint[], $4::text[]) AS e (id, workflow, since, approval)
			WHERE ` + isDone + `) e
		WHERE p.workflow = e.workflow AND p.since = e.since AND p.approval = e.approval RETURNING p.workflow)`
	countRows = `counted AS (
		INSERT INTO relay.counts AS c (workflow, slot, pending)
		SELECT workflow, $1::smallint, sum(n) FROM (%s) AS changes GROUP BY workflow ORDER BY workflow
		ON CONFLICT (workflow, slot) DO UPDATE SET pending = c.pending + excluded.pending)`
	oweRows = `owing AS (
		INSERT INTO relay.owed (id, workflow, since)
		SELECT id, workflow, since FROM unnest($1::bytea[], $2::text[], $3::bigint[]) AS o (id, workflow, since)
		WHERE ` + isDone + `
		ON CONFLICT (id, workflow) DO UPDATE SET since = excluded.since)`
	payRows = `paid AS (
		DELETE FROM relay.owed o USING (SELECT id, workflow, since
			FROM unnest($1::bytea[], $2::text[], $3::bigint[]) AS p (id, workflow, since) WHERE ` + isDone + `) p
		WHERE o.id = p.id AND o.workflow = p.workflow AND o.since = p.since)`
)

// isDone is the condition that an order has changed. The server looks it up in a hash table. Without IS TRUE it would
// make a join of it, and compare each order with all others.
const isDone = "(id IN (SELECT id FROM done)) IS TRUE"

// statement returns the statement of the write. It returns the IDs of the orders that have changed, and the rows of those
// that exist although they were to be inserted.
func (w *write) statement() *statement {
	s := &statement{}
	var done []string
	if r := w.updated; len(r.ids) > 0 {
		s.add(updateRows, w.version, r.ids, r.before, r.earlier, r.records, r.due, r.since, r.attention)
		done = append(done, "SELECT id FROM updated")
	}
	if r := w.inserted; len(r.ids) > 0 {
		s.add(insertRows, w.version, r.ids, r.records, r.due, r.since, r.attention)
		done = append(done, "SELECT id FROM inserted")
	}
	if r := w.removed; len(r.ids) > 0 {
		s.add(removeRows, r.ids, r.before)
		done = append(done, "SELECT id FROM removed")
	}
	s.add("done AS (" + strings.Join(done, " UNION ALL ") + ")")
	w.addPending(s)
	if o := w.paid; len(o.ids) > 0 {
		s.add(payRows, o.ids, o.workflows, o.since)
	}
	if o := w.owed; len(o.ids) > 0 {
		s.add(oweRows, o.ids, o.workflows, o.since)
	}
	s.last.text = " SELECT id, 0::bigint, ''::bytea, ''::bytea FROM done"
	if w.unsynced { // until the end of the transaction
		s.last.text += " WHERE set_config('synchronous_commit', 'off', true) = 'off'"
	}
	if ids := w.inserted.ids; len(ids) > 0 {
		s.last.text += existingRows
		s.last.args = 1
		s.args = append(s.args, ids)
	}
	return s
}

// addPending adds the parts of the pending approvals, and their numbers.
func (w *write) addPending(s *statement) {
	var counts []string
	if p := w.opened; len(p.ids) > 0 {
		s.add(openRows, p.ids, p.workflows, p.since, p.approvals)
		counts = append(counts, "SELECT workflow, 1 AS n FROM opened")
	}
	if p := w.ended; len(p.ids) > 0 {
		s.add(endRows, p.ids, p.workflows, p.since, p.approvals)
		counts = append(counts, "SELECT workflow, -1 AS n FROM ended")
	}
	if len(counts) > 0 {
		s.add(fmt.Sprintf(countRows, strings.Join(counts, " UNION ALL ")), w.slot)
	}
}

// existingRows returns the rows that were there before, in place of those to insert. The statement does not see the rows that
// it inserts itself.
const existingRows = ` UNION ALL SELECT o.id, o.version, o.earlier, o.record
	FROM unnest($1::bytea[]) AS u (id) JOIN relay.orders o ON o.id = u.id`

// runWrite runs the statement of a write. It returns the orders that it has changed, and the rows of those that exist
// although they were to be inserted.
func (s *Store) runWrite(ctx context.Context, w *write) (done map[string]bool, existing map[string]stored, err error) {
	st := w.statement()
	text := s.texts.getOrBuild(w.shape(), func() string { return s.sql(st.text()) })
	rows, err := s.pool.Query(ctx, text, st.args...)
	if err != nil {
		return nil, nil, err
	}
	done, existing = map[string]bool{}, map[string]stored{}
	var id []byte
	var row stored
	_, err = pgx.ForEachRow(rows, []any{&id, &row.version, &row.earlier, &row.record}, func() error {
		if row.version == 0 {
			done[string(id)] = true
		} else {
			existing[string(id)] = row
		}
		row = stored{}
		return nil
	})
	return done, existing, err
}
