package handlers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/store"
)

// letterPage is a page of dead letters that is being filled.
type letterPage struct{ store.LetterPage }

// The bounds of a look at dead letters.
const (
	lookTime      = 5 * time.Second
	lookMargin    = 10 * time.Second
	looksAtOnce   = 8
	maxQueueLook  = 50 // messages of a queue
	letterBatch   = 1000
	maxLetterRead = 20_000 // dead letters in the store's table that are counted

	maxLetterBodies = 8 << 20 // bytes of bodies after which a page ends
)

// ListLetters lists the dead letters of the store, and on the first page those in the dead letter queues.
func (h *Redriver) ListLetters(ctx context.Context, q store.LetterQuery) (store.LetterPage, error) {
	var page letterPage
	isFirst := q.After == ""
	for lookedAt := 0; lookedAt < maxLetterRead; lookedAt += letterBatch {
		letters, err := h.DeadLetters.ListDeadLetters(ctx, q.After, letterBatch)
		if err != nil {
			return page.LetterPage, fmt.Errorf("list dead letters: %w", err)
		}
		isFull := page.addLetters(ctx, q, letters)
		if len(letters) < letterBatch || isFull && !isFirst {
			break
		}
		q.After = letters[len(letters)-1].ID
	}
	if !isFirst {
		page.Groups = nil
	}
	if q.WithBodies {
		h.readBodies(ctx, &page)
	}
	if isFirst {
		page.Queues = h.lookIntoQueues(ctx, q)
	}
	h.logBodies(ctx, q, page.LetterPage)
	return page.LetterPage, nil
}

// addLetters adds the selected dead letters to the page and to the counts. It reports whether the page is full.
func (p *letterPage) addLetters(ctx context.Context, q store.LetterQuery, letters []store.DeadLetter) (isFull bool) {
	scope := redriveScope(ctx)
	for _, d := range letters {
		if !scope.IncludesSource(d.Source) || !q.Selects(d.Source, d.ReasonCode) {
			continue
		}
		p.count(d)
		switch {
		case len(p.Stored) < q.Limit:
			p.Stored = append(p.Stored, d)
		case p.Next == "":
			p.Next = p.Stored[len(p.Stored)-1].ID
		}
	}
	return p.Next != ""
}

func (p *letterPage) count(d store.DeadLetter) {
	i := slices.IndexFunc(p.Groups, func(g store.LetterGroup) bool {
		return g.Source == d.Source && g.ReasonCode == d.ReasonCode.OrUnknown()
	})
	if i < 0 {
		p.Groups = append(p.Groups, store.LetterGroup{Source: d.Source, ReasonCode: d.ReasonCode.OrUnknown()})
		i = len(p.Groups) - 1
	}
	p.Groups[i].Count++
}

// readBodies adds the bodies to dead letters. A dead letter that is gone meanwhile, or cannot be opened, has none. After
// many bytes the page ends early.
func (h *Redriver) readBodies(ctx context.Context, page *letterPage) {
	size := 0
	for i, d := range page.Stored {
		if size >= maxLetterBodies {
			page.Stored = slices.Clip(page.Stored[:i])
			page.Next = page.Stored[i-1].ID
			return
		}
		if whole, err := h.DeadLetters.GetDeadLetter(ctx, d.ID); err == nil {
			page.Stored[i].Body = whole.Body
			size += len(whole.Body)
		}
	}
}

// lookIntoQueues looks into the dead letter queues in the scope of the call, some at the same time.
func (h *Redriver) lookIntoQueues(ctx context.Context, q store.LetterQuery) []store.LetterQueue {
	ctx, cancel := context.WithTimeout(ctx, lookTime+lookMargin)
	defer cancel()
	var queues []store.LetterQueue
	for _, d := range h.QueueDepths(ctx) {
		if q.Source == "" || q.Source == d.Source {
			queues = append(queues, store.LetterQueue{QueueDepth: d})
		}
	}
	look := store.QueueLook{
		ReasonCode: q.ReasonCode,
		Max:        min(q.Limit, maxQueueLook),
		WithBodies: q.WithBodies,
		Until:      time.Now().Add(lookTime), // of the queue's own clock, as in a redrive
	}
	var group sync.WaitGroup
	slots := make(chan struct{}, looksAtOnce)
	for i := range queues {
		found := &queues[i]
		if found.Err != nil || found.Messages == 0 {
			continue
		}
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			found.Letters, found.HasMore, found.Err = h.Queues[found.Source].Look(ctx, look)
		})
	}
	group.Wait()
	return queues
}

// logBodies logs that an operator has seen bodies, which may hold task tokens.
func (h *Redriver) logBodies(ctx context.Context, q store.LetterQuery, page store.LetterPage) {
	if !q.WithBodies {
		return
	}
	count := len(page.Stored)
	for _, queue := range page.Queues {
		count += len(queue.Letters)
	}
	h.Transitions.Log.LogAttrs(ctx, slog.LevelWarn, "bodies of dead letters were shown",
		slog.String("by", q.By),
		slog.String("source", q.Source),
		slog.Int("letters", count),
	)
}

// DismissLetters removes dead letters for good, and logs each step under the operator's name. It ends after some seconds;
// the same call again goes on.
func (h *Redriver) DismissLetters(ctx context.Context, d store.Dismissal) store.DismissalReport {
	d.Until = time.Now().Add(redriveStep)
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), redriveStep+redriveMargin)
	defer cancel()
	var report store.DismissalReport
	h.dismissStored(work, d, &report)
	if len(d.MessageIDs) > 0 || d.ReasonCode != "" {
		h.dismissQueued(work, d, &report)
	}
	h.Transitions.Log.LogAttrs(ctx, slog.LevelWarn, "dead letters dismissed",
		slog.String("by", d.By),
		slog.String("on_behalf_of", d.OnBehalfOf),
		slog.String("reason", d.Reason),
		slog.String("reason_code", string(d.ReasonCode)),
		slog.String("source", d.Source),
		slog.Any("ids", d.IDs),
		slog.Any("message_ids", d.MessageIDs),
		slog.Int("dismissed", report.Dismissed),
		slog.Int("from_queues", report.FromQueues),
		slog.Int("not_found", len(report.NotFound)),
		slog.Int("errors", len(report.Errors)),
	)
	return report
}

// dismissStored removes dead letters from the store's own table.
func (h *Redriver) dismissStored(ctx context.Context, d store.Dismissal, report *store.DismissalReport) {
	ids := slices.Clone(d.IDs)
	if d.ReasonCode != "" {
		scope := redriveScope(ctx)
		after := ""
		for len(ids) <= maxRedrive { // one more tells that there are more
			letters, err := h.DeadLetters.ListDeadLetters(ctx, after, letterBatch)
			if err != nil {
				report.Errors = append(report.Errors, fmt.Sprintf("list dead letters: %v", err))
				break
			}
			for _, l := range letters {
				isSelected := l.ReasonCode.OrUnknown() == d.ReasonCode && scope.IncludesSource(l.Source)
				isSelected = isSelected && (d.Source == "" || d.Source == l.Source)
				if isSelected && !slices.Contains(ids, l.ID) {
					ids = append(ids, l.ID)
				}
			}
			if len(letters) < letterBatch {
				break
			}
			after = letters[len(letters)-1].ID
		}
		report.HasMore = len(ids) > maxRedrive
		ids = ids[:min(len(ids), maxRedrive)]
	}
	for _, id := range ids {
		isGone, err := h.dismissOne(ctx, d, id)
		switch {
		case err != nil:
			report.Errors = append(report.Errors, err.Error())
			return // if the store fails, it fails for all alike
		case isGone && slices.Contains(d.IDs, id):
			report.NotFound = append(report.NotFound, id)
		case !isGone:
			report.Dismissed++
		}
	}
}

// dismissOne removes a dead letter from the store. It reports whether there is none with this ID that the call may remove.
func (h *Redriver) dismissOne(ctx context.Context, d store.Dismissal, id string) (isGone bool, err error) {
	number, err := store.ParseDeadLetterID(id)
	if err != nil {
		return true, nil //nolint:nilerr // no dead letter has such an ID
	}
	id = store.FormatDeadLetterID(number)
	before := ""
	if number > 1 {
		before = store.FormatDeadLetterID(number - 1)
	}
	heads, err := h.DeadLetters.ListDeadLetters(ctx, before, 1)
	if err != nil {
		return false, fmt.Errorf("read dead letter %s: %w", id, err)
	}
	isOther := len(heads) == 0 || heads[0].ID != id
	if isOther || !redriveScope(ctx).IncludesSource(heads[0].Source) || d.Source != "" && d.Source != heads[0].Source {
		return true, nil
	}
	switch err := h.DeadLetters.DeleteDeadLetter(ctx, id); {
	case errors.Is(err, approval.ErrNotFound):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("delete dead letter %s: %w", id, err)
	}
	return false, nil
}

// dismissQueued removes messages from the dead letter queues in the scope of the call.
func (h *Redriver) dismissQueued(ctx context.Context, d store.Dismissal, report *store.DismissalReport) {
	found := map[string]bool{}
	for _, source := range h.queuesIn(redriveScope(ctx)) {
		if d.Source != "" && d.Source != source {
			continue
		}
		ids, hasMore, err := h.Queues[source].Dismiss(ctx, d)
		report.HasMore = report.HasMore || hasMore
		report.Dismissed += len(ids)
		report.FromQueues += len(ids)
		for _, id := range ids {
			found[id] = true
		}
		if err != nil {
			report.Errors = append(report.Errors, fmt.Sprintf("dead letter queue of %s: %v", source, err))
		}
	}
	for _, id := range d.MessageIDs {
		if !found[id] {
			report.NotFound = append(report.NotFound, id)
		}
	}
}
