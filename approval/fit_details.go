package approval

import (
	"fmt"
	"slices"
	"strings"
)

// fitDetails returns the details with at most limit bytes, as far as their names allow that. Tables and other forms that
// repeat the value are dropped first, the longest first. Then the longest values are cut. Values that are left out are named.
func fitDetails(fields []Field, limit int) []Field {
	fields = slices.Clone(fields)
	if len(fields) > MaxDetails {
		fields = append(fields[:MaxDetails-1], newLeftOut(fields[MaxDetails-1:]))
	}
	for i := range fields {
		fields[i].Name = CutText(fields[i].Name, MaxDetailName, 4*MaxDetailName)
	}
	dropForms(fields, limit)
	most := longestValue(fields, limit)
	for i := range fields {
		f := &fields[i]
		value := CutText(f.Value, MaxDetail, most)
		if len(value) != len(f.Value) && f.Kind != KindMarkdown {
			f.dropForm()
		}
		f.Value = value
	}
	return fields
}

// maxNames bounds the names in a note about values that are left out, in bytes.
const maxNames = 2000

// newLeftOut returns a note about fields beyond the limit. It names them as far as there is space.
func newLeftOut(fields []Field) Field {
	left := &LeftOut{Reason: LeftOutTooMuch, Count: len(fields)}
	space := maxNames
	for _, f := range fields {
		name := CutText(f.Name, MaxDetailName, 4*MaxDetailName)
		if space -= len(name) + 2; space < 0 {
			break
		}
		left.Names = append(left.Names, name)
	}
	names := strings.Join(left.Names, ", ")
	if left.Count > len(left.Names) {
		names += ", …"
	}
	return Field{
		Name:    "Too much to show",
		Value:   fmt.Sprintf("%d more values: %s", left.Count, names),
		LeftOut: left,
	}
}

// dropForms makes plain texts of the details with the largest forms, until all have at most limit bytes.
func dropForms(fields []Field, limit int) {
	over := sizeOfFields(fields) - limit
	for over > 0 {
		largest, most := -1, 0
		for i := range fields {
			if n := fields[i].sizeOfForm(); n > most {
				largest, most = i, n
			}
		}
		if largest < 0 {
			return
		}
		fields[largest].dropForm()
		over -= most
	}
}

// minValue is the number of bytes that every value may have.
const minValue = 100

// longestValue returns the number of bytes that a value may have, so that all fields together have at most limit bytes.
func longestValue(fields []Field, limit int) int {
	lengths := make([]int, 0, len(fields))
	for i := range fields {
		limit -= fields[i].size() - len(fields[i].Value)
		lengths = append(lengths, len(fields[i].Value))
	}
	slices.Sort(lengths)
	for i, n := range lengths {
		if share := limit / (len(lengths) - i); n > share {
			return max(share, minValue)
		}
		limit -= n
	}
	return maxNewTexts
}

func sizeOfFields(fields []Field) int {
	n := 0
	for i := range fields {
		n += fields[i].size()
	}
	return n
}
