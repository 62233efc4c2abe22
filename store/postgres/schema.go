package postgres

import "embed"

// schemas has for each version the script that leads to it from the version before, and the schema that results.
//
//go:embed schemas
var schemas embed.FS

// schemaVersion is the version of the last script. A script never changes: every change of the schema is a new script, with
// a file of its result. Workers of the release before may still run while a script does: it only adds.
const schemaVersion = 1
