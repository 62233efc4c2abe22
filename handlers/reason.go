package handlers

import "regexp"

// particulars are what an error says of one order, request or connection. What is
// left is the same for all that failed for the same reason.
var particulars = regexp.MustCompile(`( of| for)? order "([^"\\]|\\.)*"|, request [^)]*| [^ ]+->[^ ]*[^ :]`)

// Reason returns the text of an error as what was given up is counted and picked by.
func Reason(text string) string { return particulars.ReplaceAllString(text, "") }
