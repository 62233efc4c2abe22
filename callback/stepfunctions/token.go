package stepfunctions

import "github.com/approval-relay/approval-relay/callback"

// ValidateToken implements callback.TokenTarget.
func (*Target) ValidateToken(token string) error { return callback.CheckToken(token) }
