package inbound

import (
	"crypto/sha256"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Kind is a kind of credential, with the number of wrong ones that a remote may try at once, and the time after which
// it may try another.
type Kind struct {
	Name     string
	Burst    int
	Interval time.Duration
}

// Tokens is the kind of the tokens of operators and programs, in the API and in the console. People may have made them
// up, so that they can be guessed.
func Tokens() Kind { return Kind{"token", 20, 3 * time.Second} }

// Signatures is the kind of signatures, links and sign-ins. Nobody guesses them: the limit spares the log and our calls.
// It is high, because all people of a company can have one address, and a mail scanner tries many links.
func Signatures(name string) Kind { return Kind{name, 100, time.Second} }

// Bounds of what Failures remembers. A remote that is forgotten has all its tries again.
const (
	maxFailingRemotes = 8192
	maxKnown          = 4096
	knownTime         = 24 * time.Hour
)

// Failures limits tries with wrong credentials, for each kind of credential and each remote: an IPv4 address, or a /64
// of IPv6. Right credentials are not counted, and one remote never limits another.
//
// A remote is many clients if there is a proxy in between. So a credential that was right from a remote lately is not
// limited there: a guesser behind the same proxy does not lock out the clients that work there. This tells the guesser
// nothing, because a guess that has never been right is not known. Nor does a client that goes on with an old credential
// lock them out: the same wrong credential again is no other guess. A nil Failures limits nothing.
type Failures struct {
	mu      sync.Mutex
	remotes *recent[failureKey, *failing]
	known   *recent[[sha256.Size]byte, struct{}]
}

type failureKey struct {
	kind   string
	remote netip.Prefix
}

// maxWrong is how many wrong credentials of a remote are remembered.
const maxWrong = 8

// failing is a remote that has tried wrong credentials.
type failing struct {
	tries   *rate.Limiter       // all of them
	guesses *rate.Limiter       // those that differ from the ones before
	wrong   [][sha256.Size]byte // the last that differ; the first is the oldest
}

func newFailing(kind Kind) *failing {
	limit := rate.Every(kind.Interval)
	return &failing{tries: rate.NewLimiter(limit, kind.Burst), guesses: rate.NewLimiter(limit, kind.Burst)}
}

// limiterOf returns the limit for a credential.
func (f *failing) limiterOf(credential [sha256.Size]byte) *rate.Limiter {
	if slices.Contains(f.wrong, credential) {
		return f.tries
	}
	return f.guesses
}

// count counts a wrong credential.
func (f *failing) count(credential [sha256.Size]byte, isRemembered bool, now time.Time) {
	f.tries.AllowN(now, 1)
	if isRemembered && slices.Contains(f.wrong, credential) {
		return
	}
	f.guesses.AllowN(now, 1)
	if !isRemembered {
		return
	}
	if f.wrong = append(f.wrong, credential); len(f.wrong) > maxWrong {
		f.wrong = slices.Delete(f.wrong, 0, 1)
	}
}

// NewFailures returns a limit that has seen nothing yet.
func NewFailures() *Failures {
	return &Failures{
		remotes: newRecent[failureKey, *failing](maxFailingRemotes),
		known:   newRecent[[sha256.Size]byte, struct{}](maxKnown),
	}
}

// Wait returns how long a remote has to wait until it may try another credential of a kind; 0 means that it may try
// now. The credential is that of this try. It may be empty if credentials of this kind are not remembered.
func (f *Failures) Wait(kind Kind, remote netip.Addr, credential string, now time.Time) time.Duration {
	if f == nil {
		return 0
	}
	key := failureKey{kind.Name, prefixOf(remote)}
	f.mu.Lock()
	defer f.mu.Unlock()
	found, failed := f.remotes.get(key, now)
	if !failed {
		return 0
	}
	digest := knownDigest(key, credential)
	if credential != "" && f.known.has(digest, now) {
		return 0
	}
	missing := 1 - found.limiterOf(digest).TokensAt(now)
	if missing <= 0 {
		return 0
	}
	return time.Duration(missing * float64(kind.Interval))
}

// Failed counts a try with a wrong credential. It may be empty as in Wait.
func (f *Failures) Failed(kind Kind, remote netip.Addr, credential string, now time.Time) {
	if f == nil {
		return
	}
	key := failureKey{kind.Name, prefixOf(remote)}
	f.mu.Lock()
	defer f.mu.Unlock()
	found, failed := f.remotes.get(key, now)
	if !failed {
		found = newFailing(kind)
	}
	found.count(knownDigest(key, credential), credential != "", now)
	f.remotes.put(key, found, now.Add(time.Duration(kind.Burst)*kind.Interval))
}

// Succeeded remembers a right credential of a remote.
func (f *Failures) Succeeded(kind Kind, remote netip.Addr, credential string, now time.Time) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.known.put(knownDigest(failureKey{kind.Name, prefixOf(remote)}, credential), struct{}{}, now.Add(knownTime))
}

func knownDigest(key failureKey, credential string) [sha256.Size]byte {
	var buffer [256]byte // of most: each call with a token is digested
	text := append(append(buffer[:0], key.kind...), 0)
	if key.remote.IsValid() {
		text = key.remote.AppendTo(text)
	} else {
		text = append(text, key.remote.String()...)
	}
	return sha256.Sum256(append(append(text, 0), credential...))
}
