package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// readSchema returns the schema of a database, a line for each table, column and index. Two schemas with the same lines
// are the same to this program: comments and the order of columns do not count, because statements name their columns.
//
// Tables that belong to others, such as those of Litestream, have lines too. They do no harm.
func readSchema(ctx context.Context, c *sql.Conn) ([]string, error) {
	lines, err := queryLines(ctx, c, `SELECT 'table ' || l.name || iif(l.wr, ' without rowid', '')
			|| iif(s.sql LIKE '%AUTOINCREMENT%', ' autoincrement', '')
		FROM pragma_table_list l JOIN sqlite_schema s ON s.name = l.name
		WHERE l.schema = 'main' AND l.type = 'table' AND l.name NOT LIKE 'sqlite\_%' ESCAPE '\'
		UNION ALL
		SELECT 'column ' || l.name || '.' || x.name || ' ' || x.type || iif(x."notnull", ' not null', '')
			|| coalesce(' default ' || x.dflt_value, '') || iif(x.pk, ' key ' || x.pk, '')
		FROM pragma_table_list l JOIN pragma_table_xinfo(l.name) x
		WHERE l.schema = 'main' AND l.type = 'table' AND l.name NOT LIKE 'sqlite\_%' ESCAPE '\'`)
	if err != nil {
		return nil, fmt.Errorf("read its schema: %w", err)
	}
	indexes, err := queryLines(ctx, c, "SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")
	if err != nil {
		return nil, fmt.Errorf("read its schema: %w", err)
	}
	for _, text := range indexes {
		lines = append(lines, indexLine(text))
	}
	slices.Sort(lines)
	return lines, nil
}

func queryLines(ctx context.Context, c *sql.Conn, query string) (lines []string, err error) {
	rows, err := c.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, rows.Err()
}

var comment = regexp.MustCompile(`--[^\n]*`)

// indexLine returns the line of an index: its statement without comments, in lower case, with single spaces.
func indexLine(text string) string {
	words := strings.Fields(strings.ToLower(comment.ReplaceAllString(text, " ")))
	return strings.TrimPrefix(strings.Join(words, " "), "create ")
}

// schemaOf returns the schema of a version, as its scripts make it.
func schemaOf(ctx context.Context, version int) (lines []string, err error) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	for _, script := range schemaMigrations()[:version] {
		if _, err := c.ExecContext(ctx, script); err != nil {
			return nil, err
		}
	}
	return readSchema(ctx, c)
}

// subtract returns the lines that are not among the others.
func subtract(lines, others []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return slices.Contains(others, line) })
}
