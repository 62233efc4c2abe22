package untrusted

import "strings"

// CSVCell returns s as a cell of a CSV file: as SingleLine has it, and with an apostrophe before a character that makes a
// spreadsheet read a formula (OWASP, "CSV Injection"). The CSV writer quotes commas and quotation marks itself.
func CSVCell(s string) string {
	s = SingleLine(s)
	if s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
		return "'" + s
	}
	return s
}
