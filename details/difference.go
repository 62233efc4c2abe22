package details

import (
	"strings"

	"github.com/approval-relay/approval-relay/approval"
)

// setDifference makes a difference of a value and the value before it.
func setDifference(f *approval.Field, values Values, w *valueWriter) {
	f.After = f.Value
	if isEmpty(values.Value) {
		f.After = ""
	}
	if !isEmpty(values.Before) {
		f.Before = w.text(values.Before)
	}
	f.Value = differenceText(f.Before, f.After)
}

// differenceText returns a difference as a text: on one line, or with a mark before each line.
func differenceText(before, after string) string {
	if !strings.ContainsAny(before+after, "\n") {
		return orDash(before) + " → " + orDash(after)
	}
	var b strings.Builder
	for i, line := range diffLines(before, after) {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(line.Mark() + " " + line.Text)
	}
	return b.String()
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// Line is a line of a difference.
type Line struct {
	Text  string
	IsOld bool // it was before, and is no more
	IsNew bool
}

// Mark returns the mark that stands before the line in a text.
func (l Line) Mark() string {
	switch {
	case l.IsOld:
		return "-"
	case l.IsNew:
		return "+"
	}
	return " "
}

// maxDiff bounds the lines of a comparison. Longer texts are shown as removed and added.
const maxDiff = 400

// diffLines returns the lines of two texts: the common, the removed and the added lines.
func diffLines(before, after string) []Line {
	old, current := splitLines(before), splitLines(after)
	if len(old) > maxDiff || len(current) > maxDiff {
		return append(mark(old, true, false), mark(current, false, true)...)
	}
	// common[i][j] is the length of the longest common part of old[i:] and current[j:].
	common := make([][]int, len(old)+1)
	for i := range common {
		common[i] = make([]int, len(current)+1)
	}
	for i := len(old) - 1; i >= 0; i-- {
		for j := len(current) - 1; j >= 0; j-- {
			if old[i] == current[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var lines []Line
	i, j := 0, 0
	for i < len(old) && j < len(current) {
		switch {
		case old[i] == current[j]:
			lines = append(lines, Line{Text: old[i]})
			i++
			j++
		case common[i+1][j] >= common[i][j+1]:
			lines = append(lines, Line{Text: old[i], IsOld: true})
			i++
		default:
			lines = append(lines, Line{Text: current[j], IsNew: true})
			j++
		}
	}
	lines = append(lines, mark(old[i:], true, false)...)
	return append(lines, mark(current[j:], false, true)...)
}

func splitLines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}

func mark(texts []string, isOld, isNew bool) []Line {
	lines := make([]Line, 0, len(texts))
	for _, text := range texts {
		lines = append(lines, Line{Text: text, IsOld: isOld, IsNew: isNew})
	}
	return lines
}
