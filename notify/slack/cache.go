package slack

import (
	"sync"
	"time"
)

// cacheTime is the time for which a lookup is valid. A person who leaves can no longer press a button in Slack, so the
// delay does no harm.
const cacheTime = 10 * time.Minute

// maxCached bounds the number of lookups in memory.
const maxCached = 10000

// cache keeps the results of lookups in Slack for a while. Errors are not kept.
type cache[V any] struct {
	now func() time.Time

	mu      sync.Mutex
	entries map[string]cached[V]
}

type cached[V any] struct {
	value   V
	expires time.Time
}

func newCache[V any](now func() time.Time) *cache[V] {
	return &cache[V]{now: now, entries: map[string]cached[V]{}}
}

// get returns the cached result of a lookup, or makes the lookup and caches its result.
func (c *cache[V]) get(key string, lookUp func() (V, error)) (V, error) {
	c.mu.Lock()
	entry, ok := c.entries[key]
	c.mu.Unlock()
	if ok && entry.expires.After(c.now()) {
		return entry.value, nil
	}
	value, err := lookUp()
	if err != nil {
		return value, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) >= maxCached {
		clear(c.entries)
	}
	c.entries[key] = cached[V]{value: value, expires: c.now().Add(cacheTime)}
	return value, nil
}

// peek returns the last result of a lookup, also if it is old, or the zero value.
func (c *cache[V]) peek(key string) V {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.entries[key].value
}
