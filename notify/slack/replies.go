package slack

import (
	"context"
	"net/url"
	"slices"
	"sync"

	"github.com/slack-go/slack"

	"github.com/approval-relay/approval-relay/approval"
	"github.com/approval-relay/approval-relay/outbound"
)

// reply happens after the response to a press. The zero reply is silence.
type reply struct {
	text    string // for the person alone
	refresh bool   // show the message as it is now, if the channel does not edit it
	call    *call
}

// privateReply returns a reply that Slack shows only to the person of the interaction.
func (c *call) privateReply(key string) reply { return reply{text: c.words.Text(key), call: c} }

// refusalKey returns the key of the text for a decision that did not count.
func refusalKey(code approval.VerdictCode) string {
	switch code {
	case approval.VerdictNotApprover, approval.VerdictRequester, approval.VerdictAssurance, approval.VerdictConflict,
		approval.VerdictLate, approval.VerdictSuperseded, approval.VerdictInvalid, approval.VerdictChanged:
		return "slack.refused." + string(code)
	}
	return "slack.refused.other"
}

// sendReply posts a reply to the response URL, if that is a URL of Slack. A failure is only logged: the decision is
// stored.
func (i *Interactions) sendReply(ctx context.Context, responseURL string, r reply) {
	refresh := r.refresh && r.call != nil && !r.call.app.EditsMessages && r.call.approval != nil
	if r.text == "" && !refresh {
		return
	}
	u, err := url.Parse(responseURL)
	if err != nil || !slices.Contains(i.Hosts, u.Host) {
		i.Log.WarnContext(ctx, "slack response URL refused", "error", "its host is not a host of Slack")
		return
	}
	i.replies.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, replyTimeout)
		defer cancel()
		if r.text != "" {
			i.postReply(ctx, responseURL, &slack.WebhookMessage{ResponseType: slack.ResponseTypeEphemeral, Text: r.text})
		}
		if refresh {
			i.refreshMessage(ctx, responseURL, r.call)
		}
	})
}

func (i *Interactions) postReply(ctx context.Context, responseURL string, m *slack.WebhookMessage) {
	var progress outbound.Progress
	err := slack.PostWebhookCustomHTTPContext(progress.ObserveRequest(ctx), responseURL, i.Client, m)
	if err := judgeError(ctx, &progress, err); err != nil {
		i.Log.InfoContext(ctx, "slack reply failed", "error", err)
	}
}

// refreshMessage replaces the message of a webhook by its present state. The messages of an approval are replaced in turn,
// and each reads the record when its turn comes, so that an older state never replaces a newer state.
func (i *Interactions) refreshMessage(ctx context.Context, responseURL string, c *call) {
	unlock := i.turns.lock(c.capability.ApprovalID)
	defer unlock()
	if i.read(ctx, c) != nil {
		return
	}
	kind := approval.NotifyOutcome
	if c.approval.Status == approval.Pending {
		kind = approval.NotifyRequest
	}
	m := c.order.ComposeMessage(c.approval, &approval.Notification{Kind: kind})
	i.speak(c, "", c.approval.Workflow)
	m.Language, m.Organisation = c.tag, i.Organisation
	if kind == approval.NotifyRequest {
		link := c.order.LinkCapability(c.approval, "")
		link.Shown = c.order.ContentDigest(c.approval)
		m.Link = approval.NewToken(i.Buttons.URL(link))
		m.Button = approval.NewToken(i.Buttons.ButtonToken(link))
	}
	rendered := (&Channel{buttons: true, directory: c.app.Directory}).renderMessage(m)
	i.postReply(ctx, responseURL, &slack.WebhookMessage{
		Text:            rendered.text,
		Blocks:          &slack.Blocks{BlockSet: rendered.blocks},
		ReplaceOriginal: true,
	})
}

// turns lets one goroutine at a time do something about an approval.
type turns struct {
	mu    sync.Mutex
	locks map[string]*turn
}

type turn struct {
	sync.Mutex

	waiting int
}

// lock waits for the turn, and returns the function that ends it.
func (t *turns) lock(key string) (unlock func()) {
	t.mu.Lock()
	if t.locks == nil {
		t.locks = map[string]*turn{}
	}
	own := t.locks[key]
	if own == nil {
		own = &turn{}
		t.locks[key] = own
	}
	own.waiting++
	t.mu.Unlock()
	own.Lock()
	return func() {
		own.Unlock()
		t.mu.Lock()
		defer t.mu.Unlock()
		if own.waiting--; own.waiting == 0 {
			delete(t.locks, key)
		}
	}
}
