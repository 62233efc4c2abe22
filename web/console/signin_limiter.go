package console

import (
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// An address may try ten tokens at once, and then one every six seconds. Tokens that we make have 128 bits and cannot
// be guessed; the limit protects tokens that people make up.
const (
	attemptBurst    = 10
	attemptInterval = 6 * time.Second
)

// maxAddresses bounds the addresses that are remembered. Beyond that, addresses without recent attempts are
// forgotten. If all have recent attempts, further addresses share a limit.
const maxAddresses = 1024

// signInLimiter limits attempts to sign in. The zero value is ready to use.
type signInLimiter struct {
	mu        sync.Mutex
	byAddress map[string]*rate.Limiter
}

// allowAttempt reports whether the address of a request may try another token.
func (l *signInLimiter) allowAttempt(r *http.Request, now time.Time) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.byAddress[host]; !known && len(l.byAddress) >= maxAddresses {
		l.forgetQuiet(now)
		if len(l.byAddress) >= maxAddresses {
			host = "others"
		}
	}
	if l.byAddress == nil {
		l.byAddress = map[string]*rate.Limiter{}
	}
	if l.byAddress[host] == nil {
		l.byAddress[host] = rate.NewLimiter(rate.Every(attemptInterval), attemptBurst)
	}
	return l.byAddress[host].AllowN(now, 1)
}

// forgetQuiet removes the addresses without recent attempts.
func (l *signInLimiter) forgetQuiet(now time.Time) {
	for address, limiter := range l.byAddress {
		if limiter.TokensAt(now) >= attemptBurst {
			delete(l.byAddress, address)
		}
	}
}
