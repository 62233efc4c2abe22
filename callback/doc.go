// Package callback holds what the targets share: how an answer to a workflow is
// written as JSON. The targets themselves are its subfolders.
package callback
