// Package e2e tests the built program as a process of its own. Its counterparts keep their own records: SQS and SNS
// (goaws), Step Functions (our emulator, which the program reaches over HTTP by its own SDK), a mail server, and
// webhook receivers. The tests check these records, not the records of the program.
package e2e
