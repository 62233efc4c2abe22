package inbound

import (
	"crypto/sha256"
	"net/netip"
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
// nothing, because a guess that has never been right is not known. A nil Failures limits nothing.
type Failures struct {
	mu      sync.Mutex
	remotes *recent[failureKey, *rate.Limiter]
	known   *recent[[sha256.Size]byte, struct{}]
}

type failureKey struct {
	kind   string
	remote netip.Prefix
}

// NewFailures returns a limit that has seen nothing yet.
func NewFailures() *Failures {
	return &Failures{
		remotes: newRecent[failureKey, *rate.Limiter](maxFailingRemotes),
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
	limiter, failed := f.remotes.get(key, now)
	if !failed {
		return 0
	}
	if credential != "" && f.known.has(knownDigest(key, credential), now) {
		return 0
	}
	missing := 1 - limiter.TokensAt(now)
	if missing <= 0 {
		return 0
	}
	return time.Duration(missing * float64(kind.Interval))
}

// Failed counts a try with a wrong credential.
func (f *Failures) Failed(kind Kind, remote netip.Addr, now time.Time) {
	if f == nil {
		return
	}
	key := failureKey{kind.Name, prefixOf(remote)}
	f.mu.Lock()
	defer f.mu.Unlock()
	limiter, failed := f.remotes.get(key, now)
	if !failed {
		limiter = rate.NewLimiter(rate.Every(kind.Interval), kind.Burst)
	}
	limiter.AllowN(now, 1)
	f.remotes.put(key, limiter, now.Add(time.Duration(kind.Burst)*kind.Interval))
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
	return sha256.Sum256([]byte(key.kind + "\x00" + key.remote.String() + "\x00" + credential))
}
