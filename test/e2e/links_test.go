package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"
)

var hiddenForm = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)

// decideByLink opens the link of an approver as a browser does, and submits the form.
func (s *scenario) decideByLink(ctx context.Context, w *world, who, outcome string) (int, string, error) {
	link, err := s.waitForLink(ctx, w, who)
	if err != nil {
		return 0, "", err
	}
	status, page, err := w.callUntilAnswered(ctx, "GET", link, http.Header{}, "")
	if err != nil || status != http.StatusOK {
		return status, page, err
	}
	form := url.Values{"outcome": {outcome}, "comment": {"e2e"}}
	for _, m := range hiddenForm.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], m[2])
	}
	return w.callUntilAnswered(ctx, "POST", link, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, form.Encode())
}

// waitForLink waits for the link of an approver.
func (s *scenario) waitForLink(ctx context.Context, w *world, who string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	for {
		link := w.mail.linkOf(s.order, who)
		if link == "" {
			link = w.hooks.linkOf(s.order, who)
		}
		if link != "" {
			return link, nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("order %s: no link came for %q", s.order, who)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
