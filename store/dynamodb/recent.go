package dynamodb

import (
	"sync"
	"time"
)

// recentBytes bounds the size of the kept items. In memory they take about twice as much.
const recentBytes = 24 << 20

// recentTrust is how long GetRecent returns an item that was not read again: no longer than the lease of an action.
const recentTrust = 20 * time.Second

// recentItems keeps the items of orders as this process has last written them. An approval is a few updates and reads
// within a short time, and each of them would read the item that this process has just written.
//
// Another process may have written a later item. So an update takes a kept item only to compute a change. Its write has
// the condition that the item is unchanged, and it never acts on anything else that it finds there, see Store.Update.
//
// There are two generations. When the younger is full, it becomes the older, and the older is forgotten: an item that was
// used meanwhile is in the younger again.
type recentItems struct {
	mu           sync.Mutex
	limit        int // the largest size of both generations
	young, old   map[string]recentItem
	bytesOfYoung int
}

type recentItem struct {
	item      item
	size      int
	writtenAt time.Time
}

func newRecentItems(limit int) *recentItems {
	return &recentItems{limit: limit, young: map[string]recentItem{}}
}

// keep keeps the item of an order that was written at a time.
func (r *recentItems) keep(orderID string, i item, writtenAt time.Time) {
	r.add(orderID, recentItem{
		item:      i,
		size:      len(orderID) + len(getBytes(i, "order_record")) + itemOverhead,
		writtenAt: writtenAt,
	})
}

// itemOverhead is about the size of the other attributes of an item.
const itemOverhead = 1 << 10

func (r *recentItems) add(orderID string, kept recentItem) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.remove(orderID)
	if kept.size > r.limit/16 {
		return
	}
	if r.bytesOfYoung+kept.size > r.limit/2 {
		r.old, r.young, r.bytesOfYoung = r.young, map[string]recentItem{}, 0
	}
	r.young[orderID] = kept
	r.bytesOfYoung += kept.size
}

// forget removes the item of an order: it was removed, or a write without an answer may have been applied.
func (r *recentItems) forget(orderID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.remove(orderID)
}

func (r *recentItems) remove(orderID string) {
	if kept, ok := r.young[orderID]; ok {
		r.bytesOfYoung -= kept.size
		delete(r.young, orderID)
	}
	delete(r.old, orderID)
}

// find returns the kept item of an order. Callers must not change it.
func (r *recentItems) find(orderID string) (recentItem, bool) {
	r.mu.Lock()
	kept, ok := r.young[orderID]
	var isOld bool
	if !ok {
		kept, isOld = r.old[orderID]
	}
	r.mu.Unlock()
	if isOld {
		r.add(orderID, kept)
	}
	return kept, ok || isOld
}
