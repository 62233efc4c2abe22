package untrusted

import "regexp"

// formulaBeginning matches the beginning of a formula: at the beginning of a text, and behind a character that some
// spreadsheets take for the end of a cell. The spaces before a formula are none of these characters, so that the apostrophe
// stands behind the last one.
var formulaBeginning = regexp.MustCompile(`(^|[;\t\r\n])([\p{Z}\f\v"'\x{85}\x{200b}\x{feff}]*[=+\-@|%＝＋－＠])`)

// InertCell returns s as a cell of a CSV file that spreadsheets do not take for a formula (OWASP, "CSV Injection"). The
// beginning of a formula gets an apostrophe before it. All else stays as it is, line ends too; the CSV writer quotes.
func InertCell(s string) string { return formulaBeginning.ReplaceAllString(s, "${1}'${2}") }

// CSVCell returns s as InertCell does, on one line and without hidden characters: a terminal may show the file too.
func CSVCell(s string) string { return InertCell(SingleLine(s)) }
