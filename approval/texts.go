package approval

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of the texts that are only shown, in characters (code points). A longer text is cut, with a mark that states
// its length: nobody loses a request or a decision because of them.
const (
	MaxTitle      = 1024
	MaxComment    = 16_384
	MaxDetail     = 16_384 // the value of a detail
	MaxDetailName = 128
	MaxDetails    = 100 // fields
)

// The texts of all approvals of an order share its record. A new text may have half of the rest of maxOrderTexts, so
// that the first texts are whole, and many long ones leave space for requests and decisions. It always may have
// minDetails or minComment. All are bytes.
const (
	maxOrderTexts = 192 << 10
	maxNewTexts   = 64 << 10 // a comment of MaxComment characters of four bytes
	minDetails    = 12 << 10
	minComment    = 4 << 10
	// shortComment is what ShortenNewTexts leaves of a comment. The record is full then, and the decision counts more.
	shortComment = 200
)

// newTextLimit returns the number of bytes that a new text of the order may have.
func (o *Order) newTextLimit(minimum int) int {
	used := 0
	for _, a := range o.Approvals {
		used += sizeOfFields(a.Details)
		used += a.sizeOfConversation() + len(a.Content) + a.Previous.size()
		for _, v := range a.Votes {
			used += len(v.Comment) + len(v.Values)
			for _, c := range v.Changes {
				used += len(c.From) + len(c.To)
			}
		}
	}
	for _, u := range o.Unmatched {
		used += len(u.Decision.Comment) + len(u.Decision.Values)
	}
	return min(max((maxOrderTexts-used)/2, minimum), maxNewTexts)
}

// ShortenNewTexts cuts the details and comments that the transition added to their smallest size, and reports whether it
// added any. It is for a store whose record does not hold them. The rest of the decision or request is the same.
func (o *Order) ShortenNewTexts() bool {
	shorten := o.newTexts
	o.newTexts = nil
	for _, f := range shorten {
		f()
	}
	return len(shorten) > 0
}

// fitComment returns the comment of a decision as the order keeps it.
func (o *Order) fitComment(comment string) string {
	return CutText(comment, MaxComment, o.newTextLimit(minComment))
}

// fitTexts cuts the texts of a request that are only shown.
func (r *Request) fitTexts(limit int) {
	r.Title = CutText(r.Title, MaxTitle, 4*MaxTitle)
	r.Details = fitDetails(r.Details, limit)
}

// cutMark is the mark at the end of a text that was cut.
var cutMark = regexp.MustCompile(`… \(cut, ([0-9,]{1,13}) characters\)$`)

// IsCut reports whether a text ends with the mark of CutText.
func IsCut(s string) bool { return strings.HasSuffix(s, " characters)") && cutMark.MatchString(s) }

// CutText returns a text with at most so many characters and bytes. If it is longer, its end is replaced by a mark with
// the length of the whole text: "… (cut, 20,000 characters)". It does not cut a character from its accents, or a part
// from an emoji.
func CutText(s string, characters, bytes int) string {
	if len(s) <= bytes && (len(s) <= characters || utf8.RuneCountInString(s) <= characters) {
		return s
	}
	whole := groupDigits(utf8.RuneCountInString(s))
	if match := cutMark.FindStringSubmatchIndex(s); match != nil { // it was cut before
		whole = s[match[2]:match[3]]
		s = s[:match[0]]
	}
	mark := "… (cut, " + whole + " characters)"
	characters -= utf8.RuneCountInString(mark)
	bytes -= len(mark)
	end := 0
	for i, r := range s {
		n := max(utf8.RuneLen(r), 1) // a byte that is not UTF-8 reads as U+FFFD, which has three
		if r == utf8.RuneError {
			_, n = utf8.DecodeRuneInString(s[i:])
		}
		if characters <= 0 || i+n > bytes {
			break
		}
		characters--
		end = i + n
	}
	return s[:startOfCharacter(s, end)] + mark
}

// maxCharacter bounds the search for the start of a character, in code points.
const maxCharacter = 32

// startOfCharacter returns the last place at or before i where a character begins, as people see it. It knows accents,
// joiners, variants and colours of emoji, flags, and Korean syllables.
func startOfCharacter(s string, i int) int {
	start := i
	for range maxCharacter {
		if start <= 0 || start >= len(s) {
			return start
		}
		next, _ := utf8.DecodeRuneInString(s[start:])
		before, n := utf8.DecodeLastRuneInString(s[:start])
		isFlag := isRegional(next) && isRegional(before) && regionalsBefore(s[:start])%2 == 1
		if !extendsCharacter(next) && before != zeroWidthJoiner && !isFlag {
			return start
		}
		start -= n
	}
	return i // a character of this length is an attack on the reader
}

const zeroWidthJoiner = '\u200D'

// extendsCharacter reports whether a code point belongs to the character before it.
func extendsCharacter(r rune) bool {
	switch {
	case unicode.Is(unicode.M, r), r == zeroWidthJoiner, r == '\u200C':
	case r >= 0x1F3FB && r <= 0x1F3FF: // skin
	case r >= 0x1160 && r <= 0x11FF: // vowels and final consonants of Korean
	case r >= 0xE0020 && r <= 0xE007F: // tags of flags
	default:
		return false
	}
	return true
}

func isRegional(r rune) bool { return r >= 0x1F1E6 && r <= 0x1F1FF }

// regionalsBefore counts the regional indicators at the end of s. Two of them are a flag.
func regionalsBefore(s string) int {
	n := 0
	for n < maxCharacter {
		r, size := utf8.DecodeLastRuneInString(s)
		if !isRegional(r) {
			return n
		}
		s = s[:len(s)-size]
		n++
	}
	return n
}

// groupDigits returns a number with commas, as people read it.
func groupDigits(n int) string {
	digits := strconv.Itoa(n)
	var out strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out.WriteByte(',')
		}
		out.WriteRune(d)
	}
	return out.String()
}
