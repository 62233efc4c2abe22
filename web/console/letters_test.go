package console_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/role"
	"github.com/approval-relay/approval-relay/store"
)

// letterBox has the dead letters of a world.
type letterBox struct{ w *world }

func (b letterBox) ListLetters(ctx context.Context, q store.LetterQuery) (page store.LetterPage, err error) {
	w := b.w
	w.looks = append(w.looks, q)
	scope, _ := role.ScopeOf(ctx)
	selects := func(source string, code approval.ReasonCode) bool {
		return scope.IncludesSource(source) && (q.Source == "" || q.Source == source) &&
			(q.ReasonCode == "" || q.ReasonCode == code.OrUnknown())
	}
	for _, l := range w.letters {
		if l.ID <= q.After || !selects(l.Source, l.ReasonCode) {
			continue
		}
		if q.After == "" {
			page.Groups = append(page.Groups, store.LetterGroup{Source: l.Source, ReasonCode: l.ReasonCode, Count: 1})
		}
		switch {
		case len(page.Stored) < q.Limit:
			if !q.WithBodies {
				l.Body = nil
			}
			page.Stored = append(page.Stored, l)
		case page.Next == "":
			page.Next = page.Stored[len(page.Stored)-1].ID
		}
	}
	if q.After == "" {
		for _, queue := range w.queues {
			if !scope.IncludesSource(queue.Source) || q.Source != "" && q.Source != queue.Source {
				continue
			}
			letters := queue.Letters
			queue.Letters = nil
			for _, l := range letters {
				if selects(queue.Source, l.ReasonCode) {
					if !q.WithBodies {
						l.Body = nil
					}
					queue.Letters = append(queue.Letters, l)
				}
			}
			page.Queues = append(page.Queues, queue)
		}
	}
	return page, w.failing
}

func (b letterBox) DismissLetters(_ context.Context, d store.Dismissal) store.DismissalReport {
	b.w.dismissed = append(b.w.dismissed, d)
	return store.DismissalReport{
		Dismissed:  len(d.IDs) + len(d.MessageIDs),
		FromQueues: len(d.MessageIDs),
		NotFound:   []string{"gone"},
		Errors:     []string{"odd <b>"},
	}
}

func (b letterBox) QueueDepths(context.Context) (depths []store.QueueDepth) {
	for _, queue := range b.w.queues {
		depths = append(depths, queue.QueueDepth)
	}
	return depths
}

// deadLetters has dead letters in the store and in queues.
func deadLetters(w *world) {
	body := []byte(`{"taskToken":"the-body"}`)
	w.letters = []store.DeadLetter{
		{ID: "1", Source: "request-orders", ReasonCode: "odd", Reason: "is odd", At: start.Add(-time.Hour), Body: body},
		{ID: "2", Source: "request-orders", ReasonCode: "odd", Reason: "is odd", At: start.Add(-time.Minute), Body: body, Redrives: 2},
	}
	w.queues = []store.LetterQueue{
		{
			QueueDepth: store.QueueDepth{Source: "request-refunds", Queue: "refunds-dlq", Messages: 12},
			Letters: []store.QueuedLetter{
				{ID: "m-1", ReasonCode: "odd", Reason: "is odd too", At: start.Add(-2 * time.Hour), Body: body},
				{ID: "m-2", ReasonCode: "even", Reason: "is even"},
			},
			HasMore: true,
		},
		{QueueDepth: store.QueueDepth{Source: "decision-erp", Queue: "erp-dlq", Err: errors.New("AccessDenied <b>")}},
	}
	w.counts.DeadLetters = 2
}

// TestDeadLettersAreCounted holds that the number in the menu and on the page has the messages in queues.
func TestDeadLettersAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(adaToken)
	deadLetters(w)
	_, page := w.get("dead-letters")
	golden(t, "good_dead_letters_queues", page)
	require.Contains(t, page, `Dead letters <span class="count bad">14&#43;</span>`, "a queue could not be read")
	require.NotContains(t, page, "the-body")
	w.queues[0].Messages = 11
	w.queues[1].Err = nil
	_, page = w.get("")
	require.Contains(t, page, ">14&#43;</span>", "the number is kept for a while")
	w.now = w.now.Add(time.Minute)
	_, page = w.get("")
	require.Contains(t, page, `Dead letters <span class="count bad">13</span>`)
	_, page = w.get("dead-letters?reason=even")
	require.Contains(t, page, "m-2")
	require.NotContains(t, page, "m-1")
}

// TestBodiesOfDeadLetters holds that bodies are shown on demand, to those who may open them, under their name.
func TestBodiesOfDeadLetters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	deadLetters(w)
	w.signIn(bobToken)
	_, page := w.get("dead-letters?reason=odd")
	sent := form(t, page, "dead-letters", "Show the bodies")
	_, shown := w.post("dead-letters", sent)
	require.Equal(t, 3, strings.Count(shown, "the-body"))
	require.Equal(t, store.LetterQuery{ReasonCode: "odd", Limit: 100, WithBodies: true, By: "bob"}, w.looks[len(w.looks)-1])
	sent.Set("nonce", "x")
	resp, _ := w.post("dead-letters", sent)
	require.Equal(t, http.StatusConflict, resp.StatusCode)
	w.grant(role.Grant{Role: role.Viewer})
	_, page = w.get("dead-letters")
	require.NotContains(t, page, "Show the bodies")
	require.NotContains(t, page, `type="checkbox"`)
	resp, _ = w.post("dead-letters", form(t, shown, "redrive", ""))
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
}

// TestDismissLetters holds that dead letters are removed after a second look only, with a reason, under the operator's name.
func TestDismissLetters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	deadLetters(w)
	w.signIn(bobToken)
	_, page := w.get("dead-letters?reason=odd")
	look := form(t, page, "dismiss", "")
	look["letter"] = []string{"s.MQ", "q.bS0x"}
	look.Set("reason", " sent by\r\na test ")
	look.Set("act", "look")
	_, asked := w.post("dismiss", look)
	golden(t, "good_dismiss", asked)
	require.Empty(t, w.dismissed)
	confirm := form(t, asked, "dismiss", "")
	confirm.Set("act", "dismiss")
	resp, done := w.post("dismiss", confirm)
	require.Equal(t, http.StatusOK, resp.StatusCode, style.ReplaceAllString(done, ""))
	golden(t, "good_dismissed", done)
	require.Equal(t, []store.Dismissal{{IDs: []string{"1"}, MessageIDs: []string{"m-1"}, By: "bob", Reason: "sent by\na test"}}, w.dismissed)

	look.Set("act", "all")
	_, asked = w.post("dismiss", look)
	confirm = form(t, asked, "dismiss", "")
	confirm.Set("act", "dismiss")
	w.post("dismiss", confirm)
	require.Equal(t, store.Dismissal{ReasonCode: "odd", By: "bob", Reason: "sent by\na test"}, w.dismissed[1])

	for name, change := range map[string]func(url.Values){
		"other letters":      func(v url.Values) { v.Set("letters", "s.Mg") },
		"another reason":     func(v url.Values) { v.Set("why", "eA") },
		"another code":       func(v url.Values) { v.Set("reason_code", "ZXZlbg") },
		"without a look":     func(v url.Values) { v.Set("nonce", look.Get("nonce")) },
		"letters of no kind": func(v url.Values) { v.Set("letters", "x.MQ") },
		"broken letters":     func(v url.Values) { v.Set("letters", "s.%") },
	} {
		sent := url.Values{}
		for k, v := range confirm {
			sent[k] = slices.Clone(v)
		}
		change(sent)
		resp, _ := w.post("dismiss", sent)
		require.Contains(t, []int{http.StatusConflict, http.StatusBadRequest}, resp.StatusCode, name)
	}
	for name, change := range map[string]func(url.Values){
		"no reason":  func(v url.Values) { v.Set("reason", " ") },
		"no letters": func(v url.Values) { v.Del("letter") },
	} {
		sent := url.Values{}
		for k, v := range look {
			sent[k] = slices.Clone(v)
		}
		sent.Set("act", "look")
		change(sent)
		_, again := w.post("dismiss", sent)
		require.Contains(t, again, "Nothing was done", name)
	}
	require.Len(t, w.dismissed, 2)
}

func TestPagesOfDeadLetters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.signIn(adaToken)
	for i := range 150 {
		w.letters = append(w.letters, store.DeadLetter{ID: fmt.Sprintf("%03d", i), ReasonCode: "odd", Reason: "is odd", At: start})
	}
	_, page := w.get("dead-letters?reason=odd")
	require.Contains(t, page, `href="dead-letters?after=099&amp;reason=odd"`)
	require.Contains(t, page, "<b>150</b> in the store")
	_, page = w.get("dead-letters?after=099&reason=odd")
	require.NotContains(t, page, "Next page")
	require.Contains(t, page, `href="dead-letters?reason=odd">From the beginning`)
	require.Equal(t, 50, strings.Count(page, `type="checkbox"`))
}
