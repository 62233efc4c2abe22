// Package e2e holds the built program, as a process of its own, against
// counterparts that keep their own books: SQS and SNS (goaws), Step Functions
// (our emulator, reached over HTTP by the program's own SDK), a mail server, and
// webhook receivers. What is checked is read from their books, not from the
// program's.
package e2e
