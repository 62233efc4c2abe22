package grafana

// columns is the width of Grafana's grid.
const columns = 24

// layOut places the panels from left to right, and the title of a row on a line of its own. The panels of a collapsed
// row are stored in the row, and the next row follows directly.
func layOut(parts []part) []shown {
	spreadStats(parts)
	var out []shown
	var collapsed *shown
	var x, y, height int
	for i, p := range parts {
		s := p.shown
		if s.Type == rowType && collapsed != nil {
			y = collapsed.GridPos.Y
			height = collapsed.GridPos.H
		}
		if s.Type == rowType || x+s.GridPos.W > columns {
			x = 0
			y += height
			height = 0
		}
		s.ID = i + 1
		s.GridPos.X = x
		s.GridPos.Y = y
		x += s.GridPos.W
		height = max(height, s.GridPos.H)
		if s.Type != rowType && collapsed != nil {
			*collapsed.Panels = append(*collapsed.Panels, s)
			continue
		}
		out = append(out, s)
		collapsed = nil
		if s.Type == rowType && *s.Collapsed {
			collapsed = &out[len(out)-1]
		}
	}
	return out
}

// spreadStats gives neighbouring stat panels the whole width.
func spreadStats(parts []part) {
	for begin := 0; begin < len(parts); begin++ {
		end := begin
		for end < len(parts) && parts[end].Type == statType {
			end++
		}
		for i := begin; i < end; i++ {
			count := end - begin
			parts[i].GridPos.W = columns / count
			if i-begin < columns%count {
				parts[i].GridPos.W++
			}
		}
		begin = max(begin, end)
	}
}
