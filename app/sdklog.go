package app

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/aws/smithy-go/logging"
)

// sdkLog takes the lines that the AWS SDK logs. Without it they are plain text on the standard error output, between the
// lines of our log.
type sdkLog struct{ log *slog.Logger }

// Logf implements logging.Logger.
func (l sdkLog) Logf(class logging.Classification, format string, values ...any) {
	level := slog.LevelDebug
	if class == logging.Warn {
		level = slog.LevelWarn
	}
	l.log.Log(context.Background(), level, "message of the AWS SDK", "text", fmt.Sprintf(format, values...))
}
