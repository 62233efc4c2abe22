package store

// RedriveRequest states what to redrive: exhausted callbacks, dead letters in the
// store's own table and messages in dead letter queues.
type RedriveRequest struct {
	// DryRun counts what would be redriven, and redrives nothing.
	DryRun bool
	// Max is the most that one redrive starts again, 1 to 1,000. 0 means 1,000.
	Max int
	// Reason selects one reason. The empty text selects all.
	Reason string
	// Limit guards against loops: anything that was redriven this often already is
	// left alone. 0 means 3; a negative limit removes the guard.
	Limit int
	// By is the operator, for the history.
	By string
	// OrderID selects the callbacks of one order, and no messages. The empty text
	// selects all orders.
	OrderID string
}

// RedriveReport is the result of a redrive, or of its dry run.
type RedriveReport struct {
	DryRun bool
	// Found counts by reason.
	Found    map[string]int
	Redriven int
	// Guarded is the number that the loop guard left alone.
	Guarded int
	// Expired is the number of callbacks whose task has expired: the answer will
	// most likely be too late.
	Expired int
	// Failed is the number that failed again at once.
	Failed int
	// Errors lists the parts that could not be redriven now, or not be looked at.
	Errors []string
}
