// Package clients generates clients from api/openapi.json, in TypeScript and in Go, and drives an approval with each of
// them against the running program. It also lints the description, and compares each answer with it.
package clients
