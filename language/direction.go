package language

import "unicode"

// The marks around a text with a direction of its own (Unicode Standard Annex 9: FSI and PDI).
const (
	isolateStart = "\u2068"
	isolateEnd   = "\u2069"
)

// Isolate returns a text for use within a line of plain text. If it has letters that are written from right to left, it
// is isolated, so that it does not change the order of the words around it.
func Isolate(s string) string {
	for _, r := range s {
		if unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko, unicode.Adlam) {
			return isolateStart + s + isolateEnd
		}
	}
	return s
}
