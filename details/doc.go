// Package details has the details of an approval: it reads the values of a request's body, and shows them to people. Every
// value is either in a detail, or it is counted and named in a note.
//
// Text from a request is never markup. The parts of Shown are texts, and addresses that are safe to open; a page or a channel
// escapes them for its own format.
package details
