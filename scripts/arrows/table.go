package main

import (
	"fmt"
	"slices"
	"strings"
)

// A table states the imports that the packages of the repository may have.
type table struct {
	rows map[string]row
	// order lists the packages as they stand in the table, from the top floor to the lowest.
	order []string
}

// A row states the imports that a package may have.
type row struct {
	// floor counts the floors from the top. A package imports packages of lower floors only.
	floor int
	// ours are packages of this repository, as folders below its root.
	ours []string
	// others are modules or packages of other people. A name covers every import path that contains its elements.
	others []string
}

// parseTable reads table.txt. A line that begins with a space continues the line before it.
func parseTable(text string) (table, error) {
	t := table{rows: map[string]row{}}
	floor := 0
	for number, line := range strings.Split(joinLines(text), "\n") {
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
			continue
		case strings.HasPrefix(line, "=="):
			floor++
			continue
		}
		before, others, _ := strings.Cut(line, "|")
		names := strings.Fields(before)
		if len(names) == 0 {
			return table{}, fmt.Errorf("row %d names no package: %q", number+1, line)
		}
		if _, twice := t.rows[names[0]]; twice {
			return table{}, fmt.Errorf("%s has two rows", names[0])
		}
		t.rows[names[0]] = row{floor: floor, ours: names[1:], others: strings.Fields(others)}
		t.order = append(t.order, names[0])
	}
	return t, t.checkFloors()
}

// joinLines joins each continued line to the line that it continues.
func joinLines(text string) string {
	return strings.ReplaceAll(text, "\n ", " ")
}

// checkFloors returns an error if a row lists a package without a row or a package that is not on a lower floor. So the
// table itself cannot permit two adapters to know each other.
func (t table) checkFloors() error {
	for _, name := range t.order {
		for _, imported := range t.rows[name].ours {
			target, known := t.rows[imported]
			if !known {
				return fmt.Errorf("%s lists %s, which has no row", name, imported)
			}
			if target.floor <= t.rows[name].floor {
				return fmt.Errorf("%s lists %s, which is not on a lower floor", name, imported)
			}
		}
	}
	return nil
}

// check compares the imports of the packages with the table. It returns the breaches, and the unused
// entries.
func (t table) check(packages map[string][]use) (breaches, unused []string) {
	used := map[[2]string]bool{}
	for _, name := range sortedNames(packages) {
		r, known := t.rows[name]
		if !known {
			breaches = append(breaches, fmt.Sprintf("%s: the package has no row in scripts/arrows/table.txt", name))
			continue
		}
		for _, u := range packages[name] {
			entry, allowed := r.entryFor(u)
			if !allowed {
				breaches = append(breaches, fmt.Sprintf("%s: %s must not import %s: scripts/arrows/table.txt does not list it",
					u.place, name, u.path))
				continue
			}
			used[[2]string{name, entry}] = true
		}
	}
	for _, name := range t.order {
		if _, exists := packages[name]; !exists {
			unused = append(unused, fmt.Sprintf("scripts/arrows/table.txt: %s has a row, but there is no such package", name))
			continue
		}
		for _, entry := range slices.Concat(t.rows[name].ours, t.rows[name].others) {
			if !used[[2]string{name, entry}] {
				unused = append(unused, fmt.Sprintf("scripts/arrows/table.txt: %s lists %s, but does not import it", name, entry))
			}
		}
	}
	return breaches, unused
}

// entryFor returns the entry of the row that allows an import, and reports whether it exists.
func (r row) entryFor(u use) (string, bool) {
	if u.ours {
		return u.path, slices.Contains(r.ours, u.path)
	}
	for _, name := range r.others {
		if strings.Contains("/"+u.path+"/", "/"+name+"/") {
			return name, true
		}
	}
	return "", false
}
