// Package ledger plays thousands of approvals against the built program while it
// is killed, its network breaks, its disk fills and its targets fail, and then
// compares the books of the other ends, not the program's own, with what was
// decided. Its mutants are the program with deliberate breakages: the same runs
// must fail on each of them.
package ledger
