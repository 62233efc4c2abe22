package inbound

import (
	"container/list"
	"time"
)

// recent is a map of bounded size whose entries expire. If it is full, the entry that was put the longest ago goes. It
// has no lock of its own.
type recent[K comparable, V any] struct {
	limit   int
	entries map[K]*list.Element
	order   list.List // of *entry; the first was put the longest ago
}

type entry[K comparable, V any] struct {
	key     K
	value   V
	expires time.Time
}

func newRecent[K comparable, V any](limit int) *recent[K, V] {
	return &recent[K, V]{limit: limit, entries: map[K]*list.Element{}}
}

// put sets an entry, or renews it.
func (r *recent[K, V]) put(key K, value V, expires time.Time) {
	if e, ok := r.entries[key]; ok {
		*e.Value.(*entry[K, V]) = entry[K, V]{key, value, expires}
		r.order.MoveToBack(e)
		return
	}
	if len(r.entries) >= r.limit {
		oldest := r.order.Remove(r.order.Front()).(*entry[K, V])
		delete(r.entries, oldest.key)
	}
	r.entries[key] = r.order.PushBack(&entry[K, V]{key, value, expires})
}

// get returns the value of an entry that has not expired.
func (r *recent[K, V]) get(key K, now time.Time) (value V, ok bool) {
	e, ok := r.entries[key]
	if !ok {
		return value, false
	}
	found := e.Value.(*entry[K, V])
	return found.value, now.Before(found.expires)
}

func (r *recent[K, V]) has(key K, now time.Time) bool {
	_, ok := r.get(key, now)
	return ok
}
