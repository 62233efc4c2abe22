package metrics

import "time"

// StoreOperation is a call of the store.
type StoreOperation string

// The calls of the store that are timed.
const (
	StoreUpdate StoreOperation = "update"
	StoreGet    StoreOperation = "get"
	StoreClaim  StoreOperation = "claim"
	StoreList   StoreOperation = "list"
)

// storeSeries show the calls of the store. The series that are read from the store stand in collector.go.
type storeSeries struct {
	commits       counter
	failedCommits counter
	updates       counter
	commitSeconds histogram
	commitUpdates histogram
	callSeconds   histogram
	unreadable    gauge
}

func newStoreSeries(b *builder) storeSeries {
	operation := label{name: "operation", values: texts([]StoreOperation{StoreUpdate, StoreGet, StoreClaim, StoreList})}
	return storeSeries{
		commits: b.newCounter("store_commits_total",
			"Commits of the store, including failed ones."),
		failedCommits: b.newCounter("store_commit_errors_total",
			"Commits of the store that failed."),
		updates: b.newCounter("store_updates_total",
			"Orders updated in successful commits."),
		commitSeconds: b.newHistogram("store_commit_duration_seconds",
			"Time that a commit took.", commitBuckets),
		commitUpdates: b.newHistogram("store_commit_updates",
			"Updates that shared a commit.", batchBuckets),
		callSeconds: b.newHistogram("store_call_duration_seconds",
			"Time that a call of the store took; an update ends when it is durable, or in the log of the store if it records "+
				"the end of an attempt.", commitBuckets, operation),
		unreadable: b.newGauge("store_unreadable_orders",
			"Orders whose records this worker could not open with its keys. The worker is not ready meanwhile."),
	}
}

// CommitEnded counts a commit of the store and the updates that shared it.
func (m *Metrics) CommitEnded(updates int, took time.Duration, err error) {
	m.store.commits.inc()
	m.store.commitSeconds.observeDuration(took)
	if err != nil {
		m.store.failedCommits.inc()
		return
	}
	m.store.updates.add(updates)
	m.store.commitUpdates.observe(float64(updates))
}

// StoreCalled observes the time that a call of the store took.
func (m *Metrics) StoreCalled(operation StoreOperation, took time.Duration) {
	m.store.callSeconds.observeDuration(took, string(operation))
}

// UnreadableOrders sets the number of orders that cannot be opened with the keys of this worker.
func (m *Metrics) UnreadableOrders(n int) { m.store.unreadable.set(float64(n)) }
