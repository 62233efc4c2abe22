package setup

// DidYouMean returns a suggestion for a misspelt name, `; did you mean "orders"?`, or the empty text if no known name
// is similar.
func DidYouMean(name string, known []string) string {
	if similar := Similar(name, known); similar != "" {
		return `; did you mean "` + similar + `"?`
	}
	return ""
}

// Similar returns the known name that is most similar to a misspelt name, or the empty text if no known name is
// similar.
func Similar(name string, known []string) string {
	best, least := "", 1+max(1, len([]rune(name))/3)
	for _, k := range known {
		if d := editDistance(name, k); d < least && d < len([]rune(k)) {
			best, least = k, d
		}
	}
	return best
}

// editDistance returns the number of characters to insert, remove, replace or exchange with their neighbour that turn a
// into b (optimal string alignment).
func editDistance(a, b string) int {
	x, y := []rune(a), []rune(b)
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range y {
		rows[0][j+1] = j + 1
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(x)][len(y)]
}
