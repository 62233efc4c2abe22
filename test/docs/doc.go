// Package docs checks the documentation: its tables against the code, and its configurations, fields and links. Command
// lines are checked in cmd/approval-relay, beside the parser.
package docs
