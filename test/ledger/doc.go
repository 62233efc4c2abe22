// Package ledger sends thousands of approvals through the built program while the program is killed, its network
// breaks, its disk fills and its targets fail. Then it compares the records of the counterparts with the decisions that
// were sent. The package also builds mutants: the program with a deliberate fault each. The same runs must fail on each
// mutant.
package ledger
