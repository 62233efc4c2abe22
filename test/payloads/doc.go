// Package payloads makes docs/payloads.md: it runs an approval through the domain, sends its messages and answers
// through the channels and targets of the program, and writes down the bytes that left. It runs the verification
// examples of that page against a body that the program signed.
package payloads
