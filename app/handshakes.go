package app

import (
	"log/slog"
	"maps"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/time/rate"

	"github.com/approval-relay/approval-relay/webhook"
)

// handshakes answers the handshakes of a source by its scheme.
type handshakes struct {
	scheme webhook.Scheme
	url    string // of the source
	log    *slog.Logger
	now    func() time.Time
	// sometimes bounds the log, because anybody can send a handshake.
	sometimes rate.Sometimes
}

func newHandshakes(scheme webhook.Scheme, url string, log *slog.Logger, now func() time.Time) *handshakes {
	return &handshakes{
		scheme:    scheme,
		url:       url,
		log:       log,
		now:       now,
		sometimes: rate.Sometimes{Interval: time.Minute},
	}
}

// answer writes the answer to a request if it is a handshake, and reports whether it is.
func (h *handshakes) answer(w http.ResponseWriter, r *http.Request, body []byte, verified bool) (bool, error) {
	request := newWebhookRequest(r, h.url, body)
	var answer *webhook.Answer
	var err error
	if verified {
		answer, err = h.scheme.AnswerVerified(request)
	} else {
		answer, err = h.scheme.AnswerOpen(h.now(), request)
	}
	if err != nil || answer == nil {
		return false, err
	}
	maps.Copy(w.Header(), answer.Header)
	if answer.Continue {
		return false, nil
	}
	h.sometimes.Do(func() {
		h.log.InfoContext(r.Context(), "handshake answered; more of them within a minute are not logged", "method", r.Method)
	})
	// The body has a value from outside, so that no browser may take it for anything but text.
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
	if answer.ContentType != "" {
		w.Header().Set("Content-Type", answer.ContentType)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(answer.Body)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(answer.Body) // fails if the sender has gone
	return true, nil
}
