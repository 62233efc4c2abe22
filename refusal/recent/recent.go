// Package recent keeps the refusals of the last time in memory, so that an operator can find out why a sender is
// refused. It is the recorder of the whole program: it logs, counts and lists.
//
// Strangers can cause any number of refusals. So the list has a part for each source and code, and a flood in one part
// removes nothing from another. Refusals that differ in their time and size only share an entry.
package recent

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/approval-relay/approval-relay/refusal"
	"github.com/approval-relay/approval-relay/untrusted"
)

// Bounds of the list.
const (
	perPart    = 20  // entries of a source and code
	perBodies  = 10  // bodies of a source and code
	maxSources = 500 // beyond it, refusals of further sources are listed as those of "other"
	maxText    = 500 // characters of a text
	// MaxBody is the largest part of a body that is kept, in bytes.
	MaxBody = 16 << 10
)

// logInterval is the time in which a source and code has one line in the log.
const logInterval = time.Minute

// Sealer encrypts the bodies, see package keys.
type Sealer interface {
	Seal(plaintext []byte, associated ...string) ([]byte, error)
	Open(sealed []byte, associated ...string) ([]byte, error)
}

// Observer counts refusals, for the metrics.
type Observer interface {
	Refused(source string, code refusal.Code)
}

// Config configures a List. All fields are required.
type Config struct {
	Sealer   Sealer
	Observer Observer
	Log      *slog.Logger
	Now      func() time.Time
}

// List records refusals. It is safe for concurrent use.
type List struct {
	config Config
	since  time.Time

	mu      sync.Mutex
	parts   map[partKey]*part
	refused int // refusals since the start
}

type partKey struct {
	source string
	code   refusal.Code
}

// part has the refusals of a source and code.
type part struct {
	entries []*Entry // the one that was refused last is at the end
	total   int
	logged  time.Time // when the last line was logged
	leftOut int       // refusals since then
}

// Entry is a refusal, or several that differ in their time and size only.
type Entry struct {
	ID string
	// Refusal is the last one. Its body is empty: OpenBody returns it.
	refusal.Refusal
	First time.Time
	Count int
	// HasBody reports whether the body of the last one was kept.
	HasBody bool
	// Total is the number of all refusals of this source and code since the start.
	Total int

	sealed []byte
	order  int // of the last one, among all refusals since the start
}

// New returns an empty list.
func New(c Config) *List {
	return &List{config: c, since: c.Now(), parts: map[partKey]*part{}}
}

// Since returns the time at which the list began, the start of the program.
func (l *List) Since() time.Time { return l.since }

// RecordRefusal implements refusal.Recorder.
func (l *List) RecordRefusal(ctx context.Context, r refusal.Refusal) {
	if call := refusal.CallOf(ctx); call != nil {
		r = call.Complete(r)
	}
	if r.Time.IsZero() {
		r.Time = l.config.Now()
	}
	r = cleaned(r)
	l.config.Observer.Refused(r.Source, r.Code)
	if leftOut, due := l.add(r); due && (r.Status != 0 || r.Remote != "") { // the router logs each dead letter
		l.config.Log.LogAttrs(ctx, slog.LevelWarn, "refused; more like it within a minute are only counted",
			attributes(r, leftOut)...)
	}
}

// cleaned returns the refusal with texts that are safe to show. Details name headers and fields that may come from
// outside.
func cleaned(r refusal.Refusal) refusal.Refusal {
	for _, text := range []*string{&r.Source, &r.Field, &r.Detail, &r.Remote, &r.Route, &r.Principal} {
		*text = untrusted.Shorten(untrusted.SingleLine(*text), maxText)
	}
	return r
}

func attributes(r refusal.Refusal, leftOut int) []slog.Attr {
	out := []slog.Attr{
		slog.String("source", r.Source),
		slog.String("reason", string(r.Code)),
		slog.String("detail", r.Detail),
		slog.Int("status", r.Status),
		slog.Int("size", r.Size),
	}
	for _, a := range []slog.Attr{
		slog.String("field", r.Field),
		slog.String("remote", r.Remote),
		slog.String("route", r.Route),
		slog.String("principal", r.Principal),
	} {
		if a.Value.String() != "" {
			out = append(out, a)
		}
	}
	if leftOut > 0 {
		out = append(out, slog.Int("not_logged_before", leftOut))
	}
	return out
}

// add adds the refusal. It reports whether a line of the log is due, and how many refusals had none since the last line.
func (l *List) add(r refusal.Refusal) (leftOut int, due bool) {
	body := r.Body
	r.Body = nil
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.partOf(r)
	p.total++
	e := p.entryOf(r)
	e.Refusal = r
	e.Count++
	l.refused++
	e.order = l.refused
	l.keepBody(p, e, body)
	if p.total > 1 && r.Time.Sub(p.logged) < logInterval {
		p.leftOut++
		return 0, false
	}
	leftOut, p.leftOut, p.logged = p.leftOut, 0, r.Time
	return leftOut, true
}

func (l *List) partOf(r refusal.Refusal) *part {
	key := partKey{r.Source, r.Code}
	if l.parts[key] == nil && len(l.parts) >= maxSources*len(refusal.Codes()) {
		key.source = "other"
	}
	if l.parts[key] == nil {
		l.parts[key] = &part{}
	}
	return l.parts[key]
}

// entryOf returns the entry of a refusal, at the end of the entries. It removes the oldest entry if there are too many.
func (p *part) entryOf(r refusal.Refusal) *Entry {
	at := slices.IndexFunc(p.entries, func(e *Entry) bool { return isLike(e.Refusal, r) })
	e := &Entry{ID: rand.Text()[:16], First: r.Time}
	if at >= 0 {
		e = p.entries[at]
		p.entries = slices.Delete(p.entries, at, at+1)
	} else if len(p.entries) >= perPart {
		p.entries = slices.Delete(p.entries, 0, 1)
	}
	p.entries = append(p.entries, e)
	return e
}

// isLike reports whether two refusals of a source and code share an entry.
func isLike(a, b refusal.Refusal) bool {
	return a.Field == b.Field && a.Detail == b.Detail && a.Status == b.Status && a.Remote == b.Remote &&
		a.Route == b.Route && a.Principal == b.Principal
}

// keepBody seals the body of an entry, and removes that of an older entry if there are too many.
func (l *List) keepBody(p *part, e *Entry, body []byte) {
	e.sealed, e.HasBody = nil, false
	if len(body) == 0 {
		return
	}
	sealed, err := l.config.Sealer.Seal(body[:min(len(body), MaxBody)], purpose, e.ID)
	if err != nil {
		return
	}
	e.sealed, e.HasBody = sealed, true
	kept := 0
	for _, older := range slices.Backward(p.entries) {
		if older.HasBody {
			kept++
		}
		if kept > perBodies {
			older.sealed, older.HasBody = nil, false
		}
	}
}

// purpose binds a sealed body to its use.
const purpose = "refused-body"

// Query selects entries. Empty fields select all.
type Query struct {
	Source string
	Code   refusal.Code
	Limit  int
	// Includes selects sources; nil selects all.
	Includes func(source string) bool
}

// Entries returns the selected entries, the one that was refused last first.
func (l *List) Entries(q Query) []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []Entry
	for key, p := range l.parts {
		if (q.Source != "" && q.Source != key.source) || (q.Code != "" && q.Code != key.code) {
			continue
		}
		if q.Includes != nil && !q.Includes(key.source) {
			continue
		}
		for _, e := range p.entries {
			copied := *e
			copied.Total = p.total
			out = append(out, copied)
		}
	}
	slices.SortFunc(out, func(a, b Entry) int { return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(b.order, a.order)) })
	if q.Limit > 0 && len(out) > q.Limit {
		out = out[:q.Limit]
	}
	return out
}

// Sources returns the sources with refusals, sorted.
func (l *List) Sources() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for key := range l.parts {
		if !slices.Contains(out, key.source) {
			out = append(out, key.source)
		}
	}
	slices.Sort(out)
	return out
}

// OpenBody returns the body of an entry. It returns false if the entry is no longer in the list, or has no body. The
// log states who has looked.
func (l *List) OpenBody(id, operator string) (Entry, []byte, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.parts {
		for _, e := range p.entries {
			if e.ID != id || !e.HasBody {
				continue
			}
			body, err := l.config.Sealer.Open(e.sealed, purpose, e.ID)
			if err != nil {
				return Entry{}, nil, false
			}
			l.config.Log.Warn("an operator has opened a refused body", "operator", operator, "source", e.Source, "id", e.ID)
			return *e, body, true
		}
	}
	return Entry{}, nil, false
}
