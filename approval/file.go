package approval

import "errors"

// The reasons why a file of a request is not opened.
var (
	ErrFileGone       = errors.New("the file is gone")
	ErrFileChanged    = errors.New("the file was changed after the request")
	ErrFileUnverified = errors.New("it is unknown whether the file was changed after the request")
	ErrFileDenied     = errors.New("the worker may not read the file")
)
